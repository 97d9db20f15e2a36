"""Reads arrays of an .npz, with Python's standard library alone."""
import math
import struct
import zipfile


def array(path, name):
    """The shape and the elements of an array, which is row-major and little-endian."""
    with zipfile.ZipFile(path) as file:
        data = file.read(name + ".npy")
    begin = 10 + int.from_bytes(data[8:10], "little")
    head = data[10:begin].decode()
    shape = [int(n) for n in head.split("(")[1].split(")")[0].split(",") if n.strip()]
    code = {"<f4": "f", "<i4": "i"}[head.split("'descr': '")[1].split("'")[0]]
    return shape, struct.unpack("<" + code * math.prod(shape), data[begin:])
