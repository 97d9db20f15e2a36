"""Every component of a tokenizer.json with each of its options, in a small tokenizer of its own: the binary answers as `tokenizers` does."""

import itertools
import json

import pytest
import tokenizers
from tokenizers import pre_tokenizers

import orrery
import texts

BEHAVIORS = ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
FLAGS = (True, False)

NORMALIZERS = [
    *({"type": "BertNormalizer", "clean_text": c, "handle_chinese_chars": h, "strip_accents": s, "lowercase": l}
      for c, h, s, l in itertools.product(FLAGS, FLAGS, (None, True, False), FLAGS)),
    *({"type": "Strip", "strip_left": l, "strip_right": r} for l, r in itertools.product(FLAGS, FLAGS)),
    *({"type": name} for name in ("StripAccents", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "ByteLevel")),
    {"type": "Replace", "pattern": {"String": "a"}, "content": "bb"},
    {"type": "Replace", "pattern": {"String": " "}, "content": ""},
    {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
    {"type": "Replace", "pattern": {"Regex": "(a)(b)?"}, "content": "$1"},
    {"type": "Replace", "pattern": {"Regex": "^|x"}, "content": "-"},
    {"type": "Prepend", "prepend": "▁"},
    {"type": "Prepend", "prepend": "ab"},
    {"type": "Sequence", "normalizers": []},
    {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "e"}]},
    {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]},
]

PRE_TOKENIZERS = [
    *({"type": name} for name in ("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "UnicodeScripts")),
    *({"type": "ByteLevel", "add_prefix_space": a, "trim_offsets": t, "use_regex": u} for a, t, u in itertools.product(FLAGS, FLAGS, FLAGS)),
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
    {"type": "CharDelimiterSplit", "delimiter": "a"},
    {"type": "CharDelimiterSplit", "delimiter": "é"},
    *({"type": "Metaspace", "replacement": r, "prepend_scheme": p, "split": s} for r, p, s in itertools.product("▁_", ("always", "first", "never"), FLAGS)),
    {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
    {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False, "prepend_scheme": "never"},
    {"type": "Metaspace", "replacement": "▁", "str_rep": "▁", "add_prefix_space": True, "prepend_scheme": "first"},
    *({"type": "Punctuation", "behavior": b} for b in BEHAVIORS),
    {"type": "Punctuation"},
    *({"type": "Digits", "individual_digits": i} for i in FLAGS),
    *({"type": "Split", "pattern": p, "behavior": b, "invert": i}
      for p, b, i in itertools.product(({"String": "a"}, {"Regex": "\\s+|\\p{P}"}, {"Regex": "[a-e]+(?=\\s)|\\d{1,2}"}), BEHAVIORS, FLAGS)),
    *({"type": "FixedLength", "length": n} for n in (1, 3)),
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}]},
    {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}]},
    {"type": "Sequence", "pretokenizers": [{"type": "UnicodeScripts"}, {"type": "Punctuation", "behavior": "MergedWithNext"}, {"type": "FixedLength", "length": 2}]},
    {"type": "Sequence", "pretokenizers": []},
]

TEMPLATE = {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 2}}],
            "pair": [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "</s>", "type_id": 1}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0, 2], "tokens": ["<s>", "<u>"]}, "</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}}
POST_PROCESSORS = [
    {"type": "BertProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]},
    *({"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": t, "add_prefix_space": a} for t, a in itertools.product(FLAGS, FLAGS)),
    *({"type": "ByteLevel", "add_prefix_space": a, "trim_offsets": t, "use_regex": True} for a, t in itertools.product(FLAGS, FLAGS)),
    TEMPLATE,
    {"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}, TEMPLATE]},
    {"type": "Sequence", "processors": []},
]

DECODERS = [
    {"type": "BPEDecoder", "suffix": "e"},
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    *({"type": "WordPiece", "prefix": p, "cleanup": c} for p, c in itertools.product(("##", "a"), FLAGS)),
    *({"type": "Metaspace", "replacement": "▁", "prepend_scheme": p, "split": s} for p, s in itertools.product(("always", "first", "never"), FLAGS)),
    *({"type": "CTC", "pad_token": "a", "word_delimiter_token": "b", "cleanup": c} for c in FLAGS),
    {"type": "Fuse"},
    {"type": "ByteFallback"},
    *({"type": "Strip", "content": c, "start": s, "stop": e} for c, s, e in (("a", 1, 0), (" ", 0, 1), ("e", 2, 0))),
    {"type": "Replace", "pattern": {"String": "a"}, "content": "xx"},
    {"type": "Replace", "pattern": {"Regex": "[aeiou]"}, "content": ""},
    {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    {"type": "Sequence", "decoders": []},
]

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
PIECES = ["<s>", "</s>", "<u>", *(f"<0x{i:02X}>" for i in range(256)), "▁", "_", *ALPHABET, " ", "\n", "ab", "abc", "th", "the", "▁t", "▁the", "Ġa", "er", "in", "##e", "##s", "##the", "é", "中", "e\u0301"]
MERGES = [("a", "b"), ("ab", "c"), ("t", "h"), ("th", "e"), ("▁", "t"), ("▁t", "h"), ("Ġ", "a"), ("e", "r"), ("i", "n")]
MERGES = [pair for pair in MERGES if pair[0] + pair[1] in PIECES]
VOCAB = {piece: i for i, piece in enumerate(dict.fromkeys(PIECES))}


def bpe(**options):
    return {"type": "BPE", "dropout": None, "unk_token": "<u>", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
            "byte_fallback": False, "ignore_merges": False, "vocab": VOCAB, "merges": MERGES} | options


MODELS = [
    *(bpe(unk_token=u, fuse_unk=f, byte_fallback=b, ignore_merges=i) for u, f, b, i in itertools.product((None, "<u>"), FLAGS, FLAGS, FLAGS)),
    bpe(dropout=0.0),
    bpe(dropout=1.0),
    bpe(merges=[" ".join(pair) for pair in MERGES]),
    bpe(continuing_subword_prefix="##", merges=[("t", "##the")], vocab=VOCAB | {"tthe": len(VOCAB)}),
    bpe(end_of_word_suffix="</w>", merges=[("a", "b</w>")], vocab=VOCAB | {"b</w>": len(VOCAB), "ab</w>": len(VOCAB) + 1}),
    *({"type": "Unigram", "unk_id": 2, "byte_fallback": b, "vocab": [[piece, -1.5 - 0.37 * (i % 11) - 1.25 * (len(piece) == 1)] for i, piece in enumerate(VOCAB)]} for b in FLAGS),
    *({"type": "WordPiece", "unk_token": "<u>", "continuing_subword_prefix": p, "max_input_chars_per_word": n, "vocab": VOCAB} for p, n in (("##", 100), ("", 4))),
    {"type": "WordLevel", "unk_token": "<u>", "vocab": VOCAB},
]


def special(token_id, content, **flags):
    return {"id": token_id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} | flags


ADDED = [
    [special(0, "<s>"), special(1, "</s>")],
    [special(0, "<s>", lstrip=True, rstrip=True), special(len(VOCAB), "the", single_word=True, special=False)],
    [special(len(VOCAB), "The É", normalized=True, special=False), special(len(VOCAB) + 1, "in", normalized=True, rstrip=True)],
]


def described(model=None, normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None, added=()):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added), "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
            "post_processor": post_processor, "decoder": decoder, "model": model or bpe()}


WHITESPACE = {"type": "Whitespace"}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
CASES = {
    "normalizer": [described(normalizer=n, pre_tokenizer=p, added=ADDED[2] if i % 3 == 0 else ()) for i, n in enumerate(NORMALIZERS) for p in (None, WHITESPACE)],
    "pre_tokenizer": [described(pre_tokenizer=p, normalizer={"type": "Lowercase"} if i % 4 == 0 else None, added=ADDED[i % 3] if i % 2 else ()) for i, p in enumerate(PRE_TOKENIZERS)],
    "post_processor": [described(post_processor=p, pre_tokenizer=BYTES, added=ADDED[0]) for p in POST_PROCESSORS],
    "decoder": [described(decoder=d, pre_tokenizer=p, model=bpe(byte_fallback=True)) for d in DECODERS for p in (None, BYTES)],
    "model": [described(model=m, pre_tokenizer=p, added=a) for m in MODELS for p, a in ((None, ADDED[0]), (WHITESPACE, ADDED[1]), ({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}, ()))],
}
TEXTS = ["", " ", "a", "<s>ab the</s> <s> x", "the The É in<s>thein ", "abc  abcab\n\n the ther 123 4567,89.\t", "  naïve É é 中文字 カタカナ 한국 😀\u200d😀!", "a\u0301\u0302b don't I'LL n't . , ?"]


@pytest.mark.parametrize("role", CASES)
def test_every_component_answers_as_the_reference(role, tmp_path):
    path, records = tmp_path / "tokenizer.json", tmp_path / "texts.jsonl"
    for number, case in enumerate(CASES[role]):
        try:
            reference = tokenizers.Tokenizer.from_str(json.dumps(case))
        except Exception as refused:
            pytest.fail(f"the reference refuses case {number}: {refused}")
        wanted = TEXTS + texts.difficult(40, seed=f"{role} {number}")
        pairs = [(text, None) for text in wanted] + [(text, TEXTS[i]) for i, text in enumerate(wanted[:len(TEXTS)])]
        path.write_text(json.dumps(case))
        records.write_text("".join(json.dumps({"text": text} | ({} if pair is None else {"pair": pair})) + "\n" for text, pair in pairs))
        what = {key: value for key, value in case.items() if key != "model"} | {"model": {key: value for key, value in case["model"].items() if key not in ("vocab", "merges")}}
        for (text, pair), row in zip(pairs, orrery.call_json_lines("tokenize", path, "--jsonl", records), strict=True):
            expected = reference.encode(text, pair)
            context = (what, text, pair)
            assert row["ids"] == expected.ids, context
            assert row["tokens"] == expected.tokens, context
            assert [tuple(span) for span in row["offsets"]] == expected.offsets, context
            assert row["type_ids"] == expected.type_ids, context
            assert row["special"] == expected.special_tokens_mask, context
            assert row["words"] == expected.word_ids, context
            assert row["decoded"] == reference.decode(expected.ids), context
