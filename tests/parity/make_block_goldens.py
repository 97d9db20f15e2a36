#!/usr/bin/env python3
"""Writes tests/goldens/blocks/golden.npz: weights in blocks, as gguf and llama.cpp store them. Format: tests/goldens/README.md.

    pip install gguf==0.19.0 llama-cpp-python==0.3.36 && python3 tests/parity/make_block_goldens.py
"""

import ctypes
from pathlib import Path

import gguf
import llama_cpp
import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "goldens" / "blocks" / "golden.npz"
SIMPLE = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]
OF_256 = ["Q4_K", "Q5_K", "Q6_K"]
VALUES = 1024


def weights(random):
    x = random.standard_normal(VALUES).astype(np.float32) * np.float32(0.05)
    x[256:288] = 0                                      # nothing at all
    x[288:320] = 0.25                                   # all equal
    x[320:352] = np.abs(x[320:352])                     # one sign
    x[352:384] = -np.abs(x[352:384]) - 1
    x[384:416] *= 1e-6                                  # subnormal halfs
    x[416:448] = np.linspace(-1, 1, 32)                 # ties
    x[500] = 3                                          # an outlier
    x[512:768] = random.standard_t(2, 256).astype(np.float32)
    return x


def by_llama_cpp(name, x):
    library = ctypes.CDLL(str(Path(llama_cpp.__file__).parent / "lib" / "libggml-base.so"))
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    out = np.zeros(x.size // block * size, np.uint8)
    row = getattr(library, f"quantize_row_{name.lower().replace('_k', '_K')}_ref")
    row(x.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(x.size))
    return out


def any_blocks(random, name):
    """Blocks of random bits, their scales finite."""
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    out = random.integers(0, 256, (512 // block * 2, size), np.uint8)
    halves = {"Q4_1": [0, 2], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}.get(name, [0])
    for at in halves:
        out[:, at + 1] &= 0xBF                          # below 2
    return out.reshape(-1)


def main():
    random = np.random.default_rng(7)
    x = weights(random)
    stored = {"x": x}
    for name in SIMPLE + OF_256:
        kind, key = gguf.GGMLQuantizationType[name], name.lower()
        blocks = gguf.quants.quantize(x, kind).reshape(-1) if name in SIMPLE else by_llama_cpp(name, x)
        bits = any_blocks(random, name)
        stored |= {f"{key}.blocks": blocks.view(np.uint32), f"{key}.bits": bits.view(np.uint32),
                   f"{key}.values": gguf.quants.dequantize(blocks, kind).reshape(-1), f"{key}.bits_values": gguf.quants.dequantize(bits, kind).reshape(-1)}
    np.savez(TARGET, **stored)


main()
