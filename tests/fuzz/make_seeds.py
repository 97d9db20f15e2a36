#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets whose inputs are binary or long-winded: corpus/TARGET/NAME. Standard library only."""
import io
import json
import pathlib
import struct
import zipfile

CORPUS = pathlib.Path(__file__).parent / "corpus"
GOLDENS = pathlib.Path(__file__).parent.parent / "goldens"


def write(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def npy(descr, shape, data, version=1):
    text = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)}).encode()
    start = 10 if version == 1 else 12
    text += b" " * (63 - (start + len(text)) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def npz(entries, compression=zipfile.ZIP_STORED, comment=b"", wide=False):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.comment = comment
        for name, data in entries:
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=wide) as entry:
                entry.write(data)
    return buffer.getvalue()


write("safetensors", "empty", safetensors({}))
write("safetensors", "metadata", safetensors({"__metadata__": {"format": "pt", "step": "7"}}))
write("safetensors", "two", safetensors({"__metadata__": {"format": "pt"}, "a.weight": tensor("F32", [2, 3], 0, 24), "b": tensor("BF16", [4], 24, 32)}, bytes(32)))
write("safetensors", "reversed", safetensors({"b": tensor("BOOL", [], 8, 9), "a": tensor("F64", [1], 0, 8), "none": tensor("I16", [0, 5], 9, 9)}, bytes(9)))
write("safetensors", "overlap", safetensors({"a": tensor("U8", [4], 0, 4), "b": tensor("I8", [4], 2, 6)}, bytes(6)))
write("safetensors", "gap", safetensors({"a": tensor("I64", [1], 8, 16)}, bytes(16)))
write("safetensors", "past_the_end", safetensors({"a": tensor("F16", [9], 0, 18)}, bytes(4)))
write("safetensors", "overflow", safetensors({"a": tensor("I32", [1 << 32, 1 << 32], 0, 0)}))
write("safetensors", "negative", safetensors({"a": tensor("F32", [-1], 0, 4)}, bytes(4)))
write("safetensors", "huge_length", safetensors({}, length=1 << 63))
write("safetensors", "duplicate", safetensors(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', bytes(2)))
write("safetensors", "escapes", safetensors(b'{"\\u00e9\\n\\ud83d\\ude00":{"shape":[1e2],"dtype":"U8","data_offsets":[0,1]}}', bytes(1)))

write("npz", "floats.npy", npy("<f4", [2, 3], bytes(24)))
write("npz", "scalar.npy", npy("<i8", [], bytes(8), version=2))
write("npz", "fortran.npy", npy("<f8", [2, 1], bytes(16)).replace(b"False,", b"True, "))
write("npz", "two.npz", npz([("a.npy", npy("<f4", [2], bytes(8))), ("h.0/b.npy", npy("<u4", [0, 3], b""))]))
write("npz", "wide.npz", npz([("a.npy", npy("<i4", [1], bytes(4)))], wide=True, comment=b"a comment"))
write("npz", "deflated.npz", npz([("a.npy", npy("<i4", [100], bytes(400)))], zipfile.ZIP_DEFLATED))
write("npz", "escape.npz", npz([("../a.npy", npy("<i4", [1], bytes(4)))]))
write("npz", "empty.npz", npz([]))

write("index", "two", json.dumps({"metadata": {"total_size": 32}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}))
write("index", "escape", json.dumps({"weight_map": {"a": "../x.safetensors"}}))
write("index", "twice", '{"weight_map":{"a":"x","a":"y"}}')
write("index", "nested", '{"metadata":{"weight_map":[{"weight_map":{}}]},"weight_map":{},"x":[1,-2,3.5,null,true,"s"]}')

CONFIG = {"model_type": "llama", "num_hidden_layers": 2, "n_layer": 2, "negative": -2, "rms_norm_eps": 1e-05, "eos_token_id": [1, 2], "tie_word_embeddings": False, "hidden_act": "silu", "rope_scaling": {"factor": 8.0, "rope_type": "llama3"}}
write("config", "llama", json.dumps(CONFIG))
write("config", "nulls", json.dumps(dict.fromkeys(CONFIG)))
write("config", "contradiction", json.dumps({**CONFIG, "n_layer": 3}))
write("config", "wrong_types", json.dumps({key: [{}] for key in CONFIG}))
write("config", "out_of_range", json.dumps({**CONFIG, "num_hidden_layers": 10**18, "n_layer": 10**18, "rms_norm_eps": -1, "eos_token_id": [2**64 - 1]}))

# Of each family one that says much; whatever it says, every family reads it.
for name in ("bert-token", "gpt2-untied-inner", "llama-rope-llama3", "llama-rope-linear-legacy", "mixtral-window", "pegasus", "t5-gated"):
    write("model_config", name, json.dumps(json.loads((GOLDENS / name / "config.json").read_text()), separators=(",", ":")))
VANILLA = {"architectures": ["VanillaForConditionalGeneration"], "num_hidden_layers": 2, "num_decoder_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "vocab_size": 20, "decoder_start_token_id": 0}
write("model_config", "vanilla", json.dumps(VANILLA))
write("model_config", "no_multiple", json.dumps({**VANILLA, "num_attention_heads": 3, "num_key_value_heads": 2}))
write("model_config", "yarn", json.dumps({"num_hidden_layers": 1, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 1, "vocab_size": 9, "rope_theta": 1, "rope_scaling": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 1}}))

write("json", "every_kind", '\ufeff{"a": [1, -2, 2.5e-3, true, false, null, "\\u00e9\\n\\ud83d\\ude00"], "b": {}, "a": []}')
write("json", "deep", "[" * 600 + "]" * 600)
write("json", "numbers", "[18446744073709551615,-9223372036854775808,18446744073709551616,1e308,1e400,-0.0]")
