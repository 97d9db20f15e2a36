"""Random strings through well-known tokenizer files: the binary answers as `tokenizers` does."""

import json

import pytest
import tokenizers

import orrery
import texts

FILES = {
    "gpt2": "gpt2/tokenizer.json",
    "llama2": "llama2/tokenizer.json",
    "phi-3-mini": "phi-3-mini/tokenizer.json",
    "bert-base-uncased": "bert-base-uncased/tokenizer.json",
}


@pytest.mark.parametrize("name", FILES)
def test_random_strings_tokenize_as_the_reference_does(name, tmp_path):
    path = orrery.SHARED / "tokenizers" / FILES[name]
    reference = tokenizers.Tokenizer.from_file(str(path))
    wanted = texts.difficult(400, seed=len(name)) + texts.stories(20, seed=8)
    records = tmp_path / "texts.jsonl"
    records.write_text("".join(json.dumps({"text": text}) + "\n" for text in wanted))
    rows = orrery.call_json_lines("tokenize", path, "--jsonl", records)
    assert len(rows) == len(wanted)
    for text, row in zip(wanted, rows):
        expected = reference.encode(text)
        assert row["ids"] == expected.ids, repr(text)
        assert row["tokens"] == expected.tokens, repr(text)
        assert [tuple(span) for span in row["offsets"]] == expected.offsets, repr(text)
        assert row["type_ids"] == expected.type_ids, repr(text)
        assert row["special"] == expected.special_tokens_mask, repr(text)
        assert row["decoded"] == reference.decode(expected.ids, skip_special_tokens=True), repr(text)


@pytest.mark.parametrize("name", FILES)
def test_random_strings_without_special_tokens(name, tmp_path):
    path = orrery.SHARED / "tokenizers" / FILES[name]
    reference = tokenizers.Tokenizer.from_file(str(path))
    wanted = texts.difficult(100, seed=100 + len(name))
    records = tmp_path / "texts.jsonl"
    records.write_text("".join(json.dumps({"text": text}) + "\n" for text in wanted))
    rows = orrery.call_json_lines("tokenize", path, "--jsonl", records, "--no-special")
    assert [row["ids"] for row in rows] == [reference.encode(text, add_special_tokens=False).ids for text in wanted]


@pytest.mark.parametrize("name", FILES)
def test_random_ids_decode_as_the_reference_does(name):
    path = orrery.SHARED / "tokenizers" / FILES[name]
    reference = tokenizers.Tokenizer.from_file(str(path))
    for text in texts.difficult(12, seed=200 + len(name)):
        ids = reference.encode(text, add_special_tokens=False).ids
        if not ids:
            continue
        row = orrery.call_json("tokenize", path, "--decode", orrery.comma(ids))
        assert row["text"] in (reference.decode(ids, skip_special_tokens=True), reference.decode(ids, skip_special_tokens=False))
