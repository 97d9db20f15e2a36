"""A tokenizer that the binary learns is one that `tokenizers` reads and applies alike."""

import json
import random

import pytest
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


MERGES = 400


def languages_of(folder, seed):
    """Texts of three languages by name, of different length and alphabet; and texts held out, line by line the same."""
    words = {"en": "the fox met an owl by the river and they talked of rain and bread".split(),
             "de": "der fuchs traf eine eule am fluss und sie sprachen über regen und brot".split(),
             "hi": "लोमड़ी नदी के पास उल्लू से मिली और वे बारिश और रोटी की बात करने लगे".split()}
    chosen, made, held_out = random.Random(seed), {}, {}
    for (name, known), lines in zip(words.items(), (600, 200, 60)):
        made[name], held_out[name] = ([" ".join(chosen.choices(known, k=8)) + "." for _ in range(count)] for count in (lines, 40))
    paths = [[folder / f"{name}.{kind}.txt" for name in texts_of] for kind, texts_of in (("train", made), ("held", held_out))]
    for files, texts_of in zip(paths, (made, held_out)):
        for path, lines in zip(files, texts_of.values()):
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return *paths, list(made.values()), list(held_out.values())


@pytest.mark.parametrize("options, held", [({}, True), ({}, False), ({"variant": "window", "window_size": 20, "alpha": 1.5}, True), ({"ratio": [1.0, 1.1, 2.5]}, False),
                                           ({"ratio": [1.0, 1.1, 2.5], "variant": "window", "window_size": 7}, False), ({"global_merges": 60, "min_frequency": 3}, True),
                                           ({"max_token_length": 6}, True), ({"total_symbols": True}, True)])
def test_a_fair_vocabulary_is_the_one_of_tokenizers(options, held, tmp_path):
    train, dev, texts_of, held_out = languages_of(tmp_path, seed=str(options))
    flags = [str(word) for name, value in options.items()
             for word in ([f"--{name.replace('_', '-')}"] + ([] if value is True else [",".join(map(str, value)) if isinstance(value, list) else value]))]
    orrery.call("vocab", "train", "--algorithm", "parity-bpe", "--num-merges", MERGES, "--lines", "-o", tmp_path / "made", *flags,
                *(word for path in (dev if held else []) for word in ("--held-out", path)), *train)
    learned = json.loads((tmp_path / "made/tokenizer.json").read_text(encoding="utf-8"))["model"]

    reference = tokenizers.Tokenizer(tokenizers.models.BPE())
    reference.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.ParityBpeTrainer(num_merges=MERGES, show_progress=False, special_tokens=["<|endoftext|>"],
                                                   initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(), **options)
    trainer.train_from_iterator(reference, train_iterators=texts_of, **({"dev_iterators": held_out} if held else {}), **({"ratio": options["ratio"]} if "ratio" in options else {}))
    expected = json.loads(reference.to_str())["model"]
    assert len(learned["merges"]) > 100
    assert [list(pair) for pair in learned["merges"]] == [list(pair) for pair in expected["merges"]]
    assert learned["vocab"] == expected["vocab"]
