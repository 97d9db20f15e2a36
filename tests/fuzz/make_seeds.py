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

# Axes, the innermost first; the type's number in GGUF; bytes.
TENSORS = {
    "q8_0": ([32, 2], 8, 68),
    "f32": ([3, 1, 2], 0, 24),
    "q4_k": ([256], 12, 144),
    "q4_0": ([64, 1], 2, 36),
    "q4_1": ([32, 2], 3, 40),
    "q5_0": ([32, 1, 2], 6, 44),
    "q5_1": ([32, 1, 1, 2], 7, 48),
    "q6_k": ([256], 14, 210),
}
for name, (axes, kind, size) in TENSORS.items():
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", 1) + b"t" + struct.pack("<I", len(axes)) + struct.pack(f"<{len(axes)}Q", *axes) + struct.pack("<IQ", kind, 0)
    write("gguf", name, head + bytes(-len(head) % 32) + bytes(range(size)))
for file in sorted((GOLDENS / "gguf").glob("*.gguf")):
    if file.stem in ("llama-rope-llama3", "mixtral"):
        write("gguf", file.stem, file.read_bytes())


def parts(*texts, first=b""):
    """A first byte or two, then texts or JSON values, each ended by a zero byte."""
    return first + b"\0".join(text.encode() if isinstance(text, str) else json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode() for text in texts)


UNIGRAM = {
    "version": "1.0",
    "added_tokens": [{"id": 0, "content": "<unk>", "special": True}, {"id": 1, "content": "</s>", "special": True}, {"id": 10, "content": "<extra>", "lstrip": True, "special": False}],
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
    "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "</s>", "type_id": 1}}], "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
    "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
    "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False, "vocab": [["<unk>", 0.0], ["</s>", 0.0], ["▁", -3], ["a", -4.5], ["b", -5.25], ["ab", -1.5], ["▁ab", -2e0], ["ba", -2.5], ["aba", -6.125], ["é", -7.0]]},
}
write("tokenizer_json", "unigram", parts(UNIGRAM, "ab  abba<extra> é ﬁ x</s>"))
write("tokenizer_json", "unigram_bytes", parts({"model": {**UNIGRAM["model"], "byte_fallback": True, "vocab": [["<unk>", 0], ["a", -1], *([f"<0x{byte:02X}>", -9] for byte in range(256))]}, "decoder": {"type": "ByteFallback"}}, "aé\u4e2d"))

BERT = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nw\n##o\n##rld\n1\n##2\n##3\n"
BERT_CONFIG = {"tokenizer_class": "BertTokenizerFast", "do_lower_case": True, "tokenize_chinese_chars": False, "strip_accents": None, "model_max_length": 512, "padding_side": "left", "truncation_side": "right", "added_tokens_decoder": {"0": {"content": "[PAD]", "special": True}, "12": {"content": "<s>", "lstrip": True, "special": False}}}
ROLES = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": {"content": "[PAD]", "lstrip": False, "normalized": False}, "cls_token": "[CLS]", "mask_token": "[MASK]", "additional_special_tokens": ["<a>", {"content": "<b>", "single_word": True}]}
BYTES = ["H", "e", "l", "o", "w", "r", "d", "Ġ", "Ċ", "Ã", "¶", "1", "2", "3", "<", "s", ">", "[", "]", "C", "L", "S"]
BYTE_VOCAB = {token: id for id, token in enumerate(["<s>", "</s>", "<|endoftext|>", *BYTES, "He", "ll", "Ġw", "Hell"])}
MERGES = "#version: 0.2\nH e\nl l\nĠ w\nHe ll\n"
write("vocab_files", "bert", parts(BERT, BERT_CONFIG, ROLES, "Hello [MASK] wo123 <a>", first=b"0"))
write("vocab_files", "bert_saved", parts(BERT, BERT_CONFIG, ROLES, "Hello [MASK] wo123 <a>", first=b"3"))
write("vocab_files", "bert_cased", parts("\ufeff" + BERT.replace("hello", "Hello").replace("\n", "\r\n"), first=b"0"))
write("vocab_files", "gpt2", parts(BYTE_VOCAB, MERGES, {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True, "eos_token": "<|endoftext|>"}, first=b"1"))
write("vocab_files", "roberta", parts(BYTE_VOCAB, MERGES, {"tokenizer_class": "RobertaTokenizer", "model_max_length": 1e30}, {"bos_token": "<s>", "pad_token": None}, first=b"1"))
write("vocab_files", "qwen2", parts(BYTE_VOCAB, MERGES, {"tokenizer_class": "Qwen2TokenizerFast", "extra_special_tokens": {"image_token": "<i>"}}, first=b"1"))
write("vocab_files", "no_config", parts(BYTE_VOCAB, MERGES, first=b"4"))
write("vocab_files", "tokenizer_json", parts(UNIGRAM, {**BERT_CONFIG, "tokenizer_class": "T5Tokenizer"}, ROLES, "ab", first=b"5"))
write("vocab_files", "other_class", parts({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False}, "model": {"type": "BPE", "vocab": BYTE_VOCAB, "merges": ["H e"]}}, {"tokenizer_class": "WhisperTokenizer", "add_prefix_space": True}, first=b"2"))

RECIPE = {"model": {"model_type": "gpt2", "n_layer": 2}, "data": [{"corpus": "sort", "seed": 1, "count": 1000, "length": 10}, "more.txt"], "eval_data": "held.jsonl", "objective": "token", "output": "tuned", "batch": 16, "seq": 32, "max_steps": 2e3, "learning_rate": 3e-4, "schedule": "linear", "min_ratio": 0.1, "beta2": 0.98, "clip": 0, "dropout": False, "freeze": "*.bias", "seed": 18446744073709551615, "dtype": "bf16"}
write("recipe", "object", json.dumps(RECIPE))
write("recipe", "files", json.dumps({"model": "../gpt2", "tokenizer": "./t", "data": "a.txt", "output": "/o", "objective": "masked", "mask_probability": 0.3, "freeze": ["transformer.h.*.attn.*", "lm_head.weight", "**"]}))
write("recipe", "out_of_range", json.dumps({**RECIPE, "beta1": 1.5, "batch": 0}))
write("recipe", "unknown_key", json.dumps({**RECIPE, "learning_rat": 1}))
write("recipe", "too_large", json.dumps({"model": "m", "data": "d", "output": "o", "batch": 1 << 20, "seq": 1 << 20, "accumulation": 1 << 20}))

STATE = {"format": 1, "step": 500, "cursor": {"document": 5, "piece": 2}, "kernels": "avx2", "recipe": RECIPE}
write("trainer_state", "usual", json.dumps(STATE))
write("trainer_state", "begin", json.dumps({**STATE, "step": 0, "cursor": {"document": 0, "piece": 0}, "recipe": {}}))
write("trainer_state", "far", json.dumps({**STATE, "cursor": {"document": (1 << 63) - 1, "piece": 0}, "kernels": None}))
write("trainer_state", "no_such_piece", json.dumps({**STATE, "cursor": {"document": 1, "piece": 2305842871774740480}}))
write("trainer_state", "negative", json.dumps({**STATE, "cursor": {"document": 1, "piece": -1}}))
write("trainer_state", "huge", json.dumps({**STATE, "step": (1 << 64) - 1}))
write("trainer_state", "format", json.dumps({**STATE, "format": 2}))


def lines(*records):
    return "".join((record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)) + "\n" for record in records)


# The objective: 0 causal, 1 masked, 2 token, 3 seq2seq. What it is: 0 records, 1 a text, 2 a corpus without its first brace.
write("documents", "records", parts(lines({"text": "Once é"}, "", {"text": ""}, {"text": "upon\n", "more": [1]}), first=b"00"))
write("documents", "masked", parts("one\n\ntwo\r\n\r\n\nthree", first=b"11"))
write("documents", "end_of_text", parts("one\n\ntwo\n<|endoftext|>\n\n<|endoftext|>\r\nthree", first=b"01"))
write("documents", "token", parts(lines({"input": [3, 1, 2], "target": [1, 2, -100]}, {"input": [], "target": []}), first=b"20"))
write("documents", "lengths", parts(lines({"input": [3, 1], "target": [1]}), first=b"20"))
write("documents", "too_large", parts(lines({"input": [1 << 31], "target": [1]}), first=b"20"))
write("documents", "seq2seq", parts(lines({"input": "a b", "target": [5, 6]}, {"input": [7], "target": "c"}), first=b"30"))
write("documents", "sort", parts('"corpus":"sort","seed":3,"first":18446744073709551615,"count":5,"length":4}', first=b"22"))
write("documents", "stories", parts('"corpus":"stories","count":2}', first=b"02"))
write("documents", "translation", parts('"corpus":"translation","count":100}', first=b"32"))

write("aligned_pairs", "two", lines({"input": [5, 6, 7], "target": [9, 8], "alignment": [2, 0]}, "", {"input": [1], "target": [], "alignment": []}))
write("aligned_pairs", "outside", lines({"input": [5], "target": [9], "alignment": [1]}))
write("aligned_pairs", "missing", lines({"input": [5], "target": [9]}))
write("aligned_pairs", "no_id", lines({"input": [-1, 2147483648, 1.5, "x"], "target": [9], "alignment": [0]}))

MODULES = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}, {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}, {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
write("sentence_settings", "mean", parts(MODULES, {"word_embedding_dimension": 384, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, {"max_seq_length": 256, "do_lower_case": False}))
write("sentence_settings", "cls", parts(MODULES[:2], {"pooling_mode_cls_token": True}, {"max_seq_length": None}))
write("sentence_settings", "last", parts(MODULES, {"pooling_mode_lasttoken": True}, {"max_seq_length": 18446744073709551615}))
write("sentence_settings", "not_known", parts(MODULES, {"pooling_mode_max_tokens": True}))
write("sentence_settings", "leaves_the_folder", parts([{**MODULES[1], "path": "../1_Pooling"}], {}))
write("sentence_settings", "no_modules", parts("", "", {"max_seq_length": 0}))
