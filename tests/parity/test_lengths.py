"""Cutting, overflow and filling up: the flags of `orrery tokenize` beside `tokenizers` and transformers."""

import itertools
import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer

import orrery

WORDS = "a b c d e f g h i j".split()
VOCAB = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
TEXTS = [("a b c d e f g", None), ("a", "b c d e"), ("a b c d e f", "g h"), ("a b c", "d e f g h i j"), ("", "a b"), ("a b c d", None), ("", None)]
LONG = [("a b c d e f g h i j", None), ("a b c d e f", "g h i j"), ("a b c d", None), ("a b c", "d e f g")]   # room for a stride in each


def made(special=True):
    tokenizer = Tokenizer(models.WordLevel(VOCAB, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    if special:
        tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def row_of(encoding):
    return {"ids": encoding.ids, "tokens": encoding.tokens, "offsets": [list(at) for at in encoding.offsets], "type_ids": encoding.type_ids,
            "special": encoding.special_tokens_mask, "words": encoding.word_ids, "attention_mask": encoding.attention_mask}


def same(ours, theirs, about, cuts):
    expected = row_of(theirs)
    assert {key: ours[key] for key in expected} == expected, about
    assert ours["sequence_ids"] == theirs.sequence_ids, about   # of what is cut off the reference loses them without a post-processor
    if cuts:
        assert [{key: part[key] for key in expected} for part in ours["overflowing"]] == [row_of(part) for part in theirs.overflowing], about


def written(tokenizer, folder, texts):
    tokenizer.save(str(folder / "tokenizer.json"))
    records = folder / "texts.jsonl"
    records.write_text("".join(json.dumps({"text": a} | ({} if b is None else {"pair": b})) + "\n" for a, b in texts))
    return "tokenize", folder / "tokenizer.json", "--jsonl", records


def encode(tokenizer, texts, **more):
    return tokenizer.encode_batch([a if b is None else (a, b) for a, b in texts], **more)


@pytest.mark.parametrize("special", (True, False))
@pytest.mark.parametrize("side", ("right", "left"))
@pytest.mark.parametrize("strategy", ("longest_first", "only_first", "only_second"))
def test_texts_are_cut_as_tokenizers_cuts_them(special, side, strategy, tmp_path):
    tokenizer = made(special)
    compared = 0
    for text, length, stride in itertools.product(TEXTS, (3, 5, 6, 9), (0, 1, 2)):
        call = written(tokenizer, tmp_path, [text])
        reference = made(special)
        try:
            reference.enable_truncation(length, stride=stride, strategy=strategy, direction=side)
            [expected] = encode(reference, [text])
        except BaseException as refused:   # a panic of the reference is no Exception
            if isinstance(refused, (KeyboardInterrupt, SystemExit)):
                raise
            continue
        [row] = orrery.call_json_lines(*call, "--max-length", length, "--stride", stride, "--truncation", strategy, "--truncation-side", side)
        same(row, expected, (text, length, stride), cuts=True)
        compared += 1
    assert compared > 20


@pytest.mark.parametrize("given, flags", [
    ({}, ["--padding", "longest"]),
    ({"direction": "left"}, ["--padding", "longest", "--padding-side", "left"]),
    ({"pad_to_multiple_of": 4}, ["--padding", "longest", "--pad-to-multiple-of", "4"]),
    ({"length": 9}, ["--padding", "max_length", "--max-length", "9"]),
    ({"length": 9, "direction": "left", "pad_to_multiple_of": 8}, ["--padding", "max_length", "--max-length", "9", "--padding-side", "left", "--pad-to-multiple-of", "8"]),
    ({"pad_id": 1, "pad_token": "[UNK]"}, ["--padding", "longest", "--pad-token", "[UNK]"]),
])
def test_encodings_are_filled_up_as_tokenizers_fills_them(given, flags, tmp_path):
    tokenizer = made()
    call = written(tokenizer, tmp_path, TEXTS)
    tokenizer.enable_padding(**given)
    for text, row, expected in zip(TEXTS, orrery.call_json_lines(*call, *flags), encode(tokenizer, TEXTS), strict=True):
        same(row, expected, text, cuts=False)


def test_what_is_cut_off_is_filled_up_too(tmp_path):
    tokenizer = made()
    call = written(tokenizer, tmp_path, LONG)
    tokenizer.enable_truncation(7, stride=1)
    tokenizer.enable_padding(pad_to_multiple_of=8)
    rows = orrery.call_json_lines(*call, "--max-length", "7", "--stride", "1", "--padding", "longest", "--pad-to-multiple-of", "8")
    for text, row, expected in zip(LONG, rows, encode(tokenizer, LONG), strict=True):
        same(row, expected, text, cuts=True)


def test_a_file_is_followed_where_asked(tmp_path):
    tokenizer = made()
    tokenizer.enable_truncation(7, stride=1, direction="left")
    tokenizer.enable_padding(length=8, direction="left")
    call = written(tokenizer, tmp_path, LONG)
    for text, row, expected in zip(LONG, orrery.call_json_lines(*call, "--truncation", "file", "--padding", "file"), encode(tokenizer, LONG), strict=True):
        same(row, expected, text, cuts=True)


def test_words_cut_already(tmp_path):
    texts = [(["a b", "c", "d e f"], None), (["a"], ["b c", "d"])]
    tokenizer = made()
    call = written(tokenizer, tmp_path, texts)
    tokenizer.enable_truncation(6, stride=1)
    rows = orrery.call_json_lines(*call, "--max-length", "6", "--stride", "1")
    for text, row, expected in zip(texts, rows, encode(tokenizer, texts, is_pretokenized=True), strict=True):
        same(row, expected, text, cuts=True)


@pytest.mark.parametrize("config", [{}, {"padding_side": "left"}, {"truncation_side": "left"}, {"padding_side": "left", "truncation_side": "left", "model_max_length": 5}])
def test_a_folder_says_what_flags_leave_open_as_in_transformers(config, tmp_path):
    texts = [(text, pair) for text, pair in TEXTS if text]
    call = ("tokenize", tmp_path, *written(made(), tmp_path, texts)[2:])
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "model_max_length": 6} | config))
    reference = AutoTokenizer.from_pretrained(tmp_path)
    for flags, given in ((["--truncation", "longest_first"], {"truncation": True}), (["--padding", "longest"], {"padding": True}), (["--max-length", "4"], {"max_length": 4}),
                         (["--padding", "max_length"], {"padding": "max_length"}), (["--padding", "max_length", "--truncation", "longest_first"], {"padding": "max_length", "truncation": True})):
        rows = orrery.call_json_lines(*call, *flags)
        batch = [text if pair is None else (text, pair) for text, pair in texts]
        if given.get("padding") is True:
            alike = [one for one in batch if isinstance(one, str)]
            length = max(len(row["ids"]) for row in rows)
            assert all(len(row["ids"]) == length for row in rows)
            batch, rows = alike, [row for row, one in zip(rows, batch) if isinstance(one, str)]
            expected = [reference(one, padding="max_length", max_length=length) for one in alike]
        else:
            expected = [reference(*((one,) if isinstance(one, str) else one), **given) for one in batch]
        for one, row, want in zip(batch, rows, expected, strict=True):
            assert row["ids"] == want["input_ids"], (one, given, row["tokens"])
            assert row["attention_mask"] == want["attention_mask"], (one, given)
