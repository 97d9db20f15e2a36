"""Random strings through well-known tokenizer files: the binary answers as `tokenizers` does."""

import base64
import json
import os

import pytest
import sentencepiece
import tiktoken
import tokenizers

import orrery
import texts

FILES = {
    "gpt2": "gpt2/tokenizer.json",
    "llama2": "llama2/tokenizer.json",
    "phi-3-mini": "phi-3-mini/tokenizer.json",
    "bert-base-uncased": "bert-base-uncased/tokenizer.json",
}


SEED = int(os.environ.get("ORRERY_SEED", "1"))
COUNT = int(os.environ.get("ORRERY_STRINGS", "600"))   # for each file; more of both for a longer search
LIST = {entry["name"]: entry for entry in json.loads((orrery.SHARED / "tokenizers/tokenizers.list.json").read_text())["tokenizers"]}
SYNTHETIC = sorted(path.stem for path in (orrery.SHARED / "tokenizers/synthetic").glob("*.json"))


def named(*kinds):
    return [name for name, entry in LIST.items() if entry["kind"] in kinds]


def rows_of(path, wanted, folder, *more):
    records = folder / "texts.jsonl"
    records.write_text("".join(json.dumps({"text": text}) + "\n" for text in wanted))
    rows = orrery.call_json_lines("tokenize", path, "--jsonl", records, *more)
    assert len(rows) == len(wanted)
    return zip(wanted, rows)


@pytest.mark.parametrize("name", named("spm"))
def test_random_strings_as_sentencepiece(name, tmp_path):
    path = orrery.SHARED / "tokenizers" / LIST[name]["file"]
    reference = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for text, row in rows_of(path, texts.difficult(COUNT, seed=f"{SEED} {name}"), tmp_path, "--offsets", "byte"):
        expected = reference.encode(text, return_type="proto").pieces
        assert row["ids"] == [piece.id for piece in expected], repr(text)
        assert row["tokens"] == [piece.piece for piece in expected], repr(text)
        assert row["offsets"] == [[piece.begin, piece.end] for piece in expected], repr(text)
        assert row["decoded"] == reference.decode(row["ids"]), repr(text)


def test_the_best_ways_to_cut_a_text_as_sentencepiece():
    path = orrery.SHARED / "tokenizers/t5/spiece.model"
    reference = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for text in ("Hello world", "unbelievable  tokenization", "An electroplating line, twice.", "Überraschung 中"):
        ours = orrery.call_json("tokenize", path, text, "--nbest", "8")["nbest"]
        theirs = reference.nbest_encode(text, nbest_size=8, return_type="proto").nbests
        assert [row["ids"] for row in ours] == [[piece.id for piece in one.pieces] for one in theirs], text
        assert [row["score"] for row in ours] == pytest.approx([one.score for one in theirs], rel=1e-5), text


def special_tokens(entry, ranks):
    special = dict(entry.get("special_tokens", {}))
    for token in entry.get("special_list", []):
        special[token] = ranks + len(special)
    return special


@pytest.mark.parametrize("name", named("tiktoken"))
def test_random_strings_as_tiktoken(name, tmp_path):
    entry = LIST[name]
    path = orrery.SHARED / "tokenizers" / entry["file"]
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in path.read_bytes().splitlines() if line)}
    special = special_tokens(entry, len(ranks))
    reference = tiktoken.Encoding(name, pat_str=entry["pat"], mergeable_ranks=ranks, special_tokens=special)
    given = ("--pattern", entry["pat"], "--special-tokens", json.dumps(special))
    wanted = texts.difficult(COUNT, seed=f"{SEED} {name}")
    for text, row in rows_of(path, wanted, tmp_path, *given, "--allow-special", "none"):
        assert row["ids"] == reference.encode_ordinary(text), repr(text)
        assert row["decoded"] == text
    for text, row in rows_of(path, wanted[:100], tmp_path, *given):
        assert row["ids"] == reference.encode(text, allowed_special="all"), repr(text)


@pytest.mark.parametrize("name", named("tiktoken"))
def test_bytes_that_are_no_text_as_tiktoken(name, tmp_path):
    entry = LIST[name]
    path = orrery.SHARED / "tokenizers" / entry["file"]
    golden = [json.loads(line) for line in (orrery.SHARED / "tokenizers/goldens" / f"{name}.jsonl").read_text().split("\n") if line]
    golden = [row for row in golden if "base64" in row]
    records = tmp_path / "bytes.jsonl"
    records.write_text("".join(json.dumps({"base64": row["base64"]}) + "\n" for row in golden))
    rows = orrery.call_json_lines("tokenize", path, "--jsonl", records, "--pattern", entry["pat"])
    assert len(golden) == 20
    assert [row["ids"] for row in rows] == [row["ids"] for row in golden]


@pytest.mark.parametrize("name", SYNTHETIC)
def test_random_strings_through_every_component(name, tmp_path):
    path = orrery.SHARED / "tokenizers/synthetic" / f"{name}.json"
    reference = tokenizers.Tokenizer.from_file(str(path))
    for text, row in rows_of(path, texts.difficult(COUNT // 10, seed=f"{SEED} {name}"), tmp_path):
        expected = reference.encode(text)
        assert row["ids"] == expected.ids, repr(text)
        assert [tuple(span) for span in row["offsets"]] == expected.offsets, repr(text)
        assert row["decoded"] == reference.decode(expected.ids), repr(text)


@pytest.mark.parametrize("name", ["llama-spm", "bert-bge"])
def test_vocabularies_of_gguf_files(name, tmp_path):
    path = orrery.SHARED / "tokenizers/gguf" / f"ggml-vocab-{name}.gguf"
    wanted = (path.parent / f"{path.name}.inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
    expected = (path.parent / f"{path.name}.out").read_text().split("\n")
    for (text, row), ids in zip(rows_of(path, wanted, tmp_path, "--no-special"), expected):
        assert row["ids"] == [int(i) for i in ids.split()], repr(text)


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


JSON_FILES = sorted(str(path.relative_to(orrery.SHARED / "tokenizers")) for path in (orrery.SHARED / "tokenizers").glob("**/*.json")
                    if "model" in (whole := json.loads(path.read_text())) and isinstance(whole["model"], dict))


@pytest.mark.parametrize("name", JSON_FILES)
def test_a_tokenizer_json_is_written_without_loss(name, tmp_path):
    path = orrery.SHARED / "tokenizers" / name
    orrery.call("vocab", "convert", path, "--to", "tokenizer.json", "-o", tmp_path / "made")
    theirs, ours = (json.loads(tokenizers.Tokenizer.from_file(str(one)).to_str()) for one in (path, tmp_path / "made/tokenizer.json"))
    assert ours == theirs   # scores to the bit


@pytest.mark.parametrize("name", named("spm"))
def test_a_model_of_sentencepiece_is_written_without_loss(name, tmp_path):
    path = orrery.SHARED / "tokenizers" / LIST[name]["file"]
    orrery.call("vocab", "convert", path, "--to", "tokenizer.model", "-o", tmp_path / "made")
    assert (tmp_path / "made/tokenizer.model").read_bytes() == path.read_bytes()
    wanted = [*texts.difficult(40, seed=f"{SEED} {name}"), "<s> a </s><unk>"]
    assert list(rows_of(tmp_path / "made", wanted, tmp_path)) == list(rows_of(path, wanted, tmp_path))
