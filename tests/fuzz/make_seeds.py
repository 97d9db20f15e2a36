#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets whose inputs are binary or long-winded: corpus/TARGET/NAME. Standard library only."""
import hashlib
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


def panel_file(entries, source="a model", alignment=4096, version=1):
    """Packed weights: entries are (name, format, bytes of panels)."""
    table_bytes = 96 + 4 + len(source) + sum(24 + len(name) for name, _, _ in entries)
    end, table, panels = table_bytes, b"", b""
    for name, form, data in entries:
        offset = -(-end // alignment) * alignment
        panels += bytes(offset - end) + data
        end = offset + len(data)
        table += struct.pack("<I", len(name)) + name.encode() + struct.pack("<IQQ", form, offset, len(data))
    head = b"ORRPANEL" + struct.pack("<IIQQ", version, len(entries), table_bytes, end)
    rest = bytes(range(32)) + struct.pack("<I", len(source)) + source.encode() + table
    return head + hashlib.sha256(head + bytes(32) + rest).digest() + rest + panels


write("panel_file", "none", panel_file([]))
write("panel_file", "two", panel_file([("a rows", 1, bytes(100)), ("b columns", 9, bytes(5))], source=""))
write("panel_file", "empty_panels", panel_file([("a", 0, b""), ("b", 0, b"")]))
write("panel_file", "twice", panel_file([("a", 0, b"1"), ("a", 0, b"2")]))
write("panel_file", "format", panel_file([("a", 77, b"1")]))
write("panel_file", "misaligned", panel_file([("a", 0, b"1"), ("b", 0, b"2")], alignment=64))
write("panel_file", "version", panel_file([], version=2))

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
for name in ("bahdanau", "bert-token", "gemma2-layers", "gpt2-untied-inner", "llama-rope-llama3", "llama-rope-linear-legacy", "mixtral-window", "mpt-heads", "pegasus", "t5-gated"):
    write("model_config", name, json.dumps(json.loads((GOLDENS / name / "config.json").read_text()), separators=(",", ":")))
VANILLA = {"architectures": ["VanillaForConditionalGeneration"], "num_hidden_layers": 2, "num_decoder_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "vocab_size": 20, "decoder_start_token_id": 0}
write("model_config", "vanilla", json.dumps(VANILLA))
write("model_config", "no_multiple", json.dumps({**VANILLA, "num_attention_heads": 3, "num_key_value_heads": 2}))
write("model_config", "width_of_another_family", json.dumps({**VANILLA, "encoder_layers": 1, "d_kv": 3}))
write("model_config", "yarn", json.dumps({"num_hidden_layers": 1, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 1, "vocab_size": 9, "rope_theta": 1, "rope_scaling": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 1}}))


write("json", "every_kind", '\ufeff{"a": [1, -2, 2.5e-3, true, false, null, "\\u00e9\\n\\ud83d\\ude00"], "b": {}, "a": []}')
write("json", "deep", "[" * 600 + "]" * 600)
write("json", "numbers", "[18446744073709551615,-9223372036854775808,18446744073709551616,1e308,1e400,-0.0]")

write("regex", "words", b"(?i:'s|'t)|[^\\r\\n\\p{L}]?+\\p{L}++|\\p{N}{1,3}+|\\s++$|\\s+(?!\\S)|\\s\0It's 12345 na\xc3\xafve\n  x ")
write("regex", "look_behind", b"(?<=a)b+?(c|d)\\1\0abbccabbdd")
write("regex", "classes", b"[[a-z]&&[^aeiou]]{2,}|[\\p{Han}\\d_-]*+\0strength \xe4\xb8\xad\xe6\x96\x87 42")
write("regex", "hostile", b"(a+)+$\0aaaaaaaaaaaaaaaaaaaaaaaaaaab")


def field(number, value):
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    data = value if isinstance(value, bytes) else value.encode()
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


PIECES = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("▁", -3.0, 1), ("a", -4.0, 1), ("b", -5.0, 1), ("ab", -1.5, 1), ("▁ab", -2.0, 1), ("<mask>", 0.0, 4), ("ba", -2.5, 5)]


def sentencepiece(kind, *rules, suffix=0):
    pieces = b"".join(field(1, field(1, text) + field(2, score) + field(3, type_)) for text, score, type_ in PIECES)
    return pieces + field(2, field(3, kind) + field(24, suffix)) + field(3, b"".join(rules))


for kind, name in enumerate(("unigram", "bpe", "words", "characters"), 1):
    model = sentencepiece(kind)
    write("sentencepiece", name, struct.pack("<H", len(model)) + model + "ab  ba<mask>abé".encode())
model = sentencepiece(1, field(3, 0), field(4, 0), field(5, 0), suffix=1)
write("sentencepiece", "rules", struct.pack("<H", len(model)) + model + b" ab \xff ")

write("rank_file", "words", b"YWI= 256\nYWJj 257\r\nYmM= 258\n\0abc ab \xff\xfe <s>")
write("rank_file", "twice", b"YWI= 256\nYWI= 257\n\0ab")


def gguf_value(value):
    if isinstance(value, bool):
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return 5, struct.pack("<i", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    if isinstance(value, str):
        return 8, struct.pack("<Q", len(value.encode())) + value.encode()
    kinds = [gguf_value(v) for v in value]
    return 9, struct.pack("<IQ", kinds[0][0], len(kinds)) + b"".join(data for _, data in kinds)


def gguf(**keys):
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(keys))
    for key, value in keys.items():
        name = ("tokenizer.ggml." + key).encode()
        kind, data = gguf_value(value)
        out += struct.pack("<Q", len(name)) + name + struct.pack("<I", kind) + data
    return out


TEXTS = [text for text, _, _ in PIECES]
write("gguf_metadata", "llama", gguf(model="llama", tokens=TEXTS, scores=[score for _, score, _ in PIECES], token_type=[type_ for _, _, type_ in PIECES], bos_token_id=1, add_bos_token=True))
write("gguf_metadata", "t5", gguf(model="t5", tokens=TEXTS, scores=[score for _, score, _ in PIECES], token_type=[type_ for _, _, type_ in PIECES], add_space_prefix=False))
write("gguf_metadata", "bert", gguf(model="bert", tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁hello", "d"], token_type=[3, 2, 3, 3, 1, 1]))
write("gguf_metadata", "gpt2", gguf(model="gpt2", pre="gpt-2", tokens=["H", "e", "l", "o", "He", "ll"], token_type=[1] * 6, merges=["H e", "l l"]))

for number, name in enumerate(["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_k", "q5_k", "q6_k"]):
    write("block_format", name, bytes([number]) + struct.pack("<256f", *((i * 37 % 101 - 50) / 64 for i in range(256))))

for number, name in enumerate(["q8_0", "f32", "q4_k"]):
    axes, kind, size = {"q8_0": ([32, 2], 8, 68), "f32": ([3, 1, 2], 0, 24), "q4_k": ([256], 12, 144)}[name]
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 1) + b"t" + struct.pack("<I", len(axes)) + struct.pack(f"<{len(axes)}Q", *axes) + struct.pack("<IQ", kind, 0)
    write("gguf", name, head + bytes(-len(head) % 32) + bytes(range(size)))
for file in sorted((GOLDENS / "gguf").glob("*.gguf")):
    if file.stem in ("llama-rope-llama3", "mixtral"):
        write("gguf", file.stem, file.read_bytes())
