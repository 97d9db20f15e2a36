"""A tokenizer that the binary learns is one that `tokenizers` reads and applies alike."""

import json

import tokenizers

import orrery
import texts


def test_a_trained_byte_bpe_loads_in_tokenizers(tmp_path):
    corpus, folder = tmp_path / "corpus.txt", tmp_path / "vocab"
    corpus.write_text("\n".join(texts.stories(400, seed=3)) + "\n", encoding="utf-8")
    about = orrery.call_json("vocab", "train", "--algorithm", "byte-bpe", "--size", 400, "-o", folder, corpus)
    reference = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert about["vocab_size"] == reference.get_vocab_size() <= 400

    wanted = texts.stories(20, seed=4) + texts.difficult(100, seed=5)
    records = tmp_path / "texts.jsonl"
    records.write_text("".join(json.dumps({"text": text}) + "\n" for text in wanted))
    rows = orrery.call_json_lines("tokenize", folder, "--jsonl", records)
    assert len(rows) == len(wanted)
    for text, row in zip(wanted, rows):
        expected = reference.encode(text)
        assert (row["ids"], row["tokens"]) == (expected.ids, expected.tokens)


def test_a_trained_byte_bpe_learns_what_tokenizers_learns(tmp_path):
    corpus, folder = tmp_path / "corpus.txt", tmp_path / "vocab"
    lines = texts.stories(400, seed=6) + [" ".join(text.split()) for text in texts.difficult(400, seed=7)]
    corpus.write_text("\n".join(lines) + "\n", encoding="utf-8")
    orrery.call("vocab", "train", "--algorithm", "byte-bpe", "--size", 500, "-o", folder, corpus)
    learned = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["merges"]

    learner = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    reference = tokenizers.Tokenizer(tokenizers.models.BPE())
    reference.pre_tokenizer = learner.pre_tokenizer
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=500, show_progress=False,
                                             initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    reference.train_from_iterator(lines, trainer)
    expected = json.loads(reference.to_str())["model"]["merges"]
    shared = min(len(learned), len(expected))  # special tokens take places of either
    assert shared >= 100
    assert [list(pair) for pair in learned[:shared]] == [list(pair) for pair in expected[:shared]]
