"""Whole tokenizers drawn at random beside `tokenizers`: ids, tokens, offsets, words, masks and decoded text of random strings."""

import differential
import random_tokenizers
from random_strings import RandomStrings

SEEDS = range(400, 460)


def differences(seed, folder):
    """None where `tokenizers` itself panics, over the tokenizer or over a string; a panic is no Exception."""
    file = folder / "tokenizer.json"
    try:
        random_tokenizers.make(seed).save(str(file))
        subject = differential.HuggingFace(file)
        strings, records = RandomStrings(subject.vocabulary, subject.special, (seed,)).batch(0, 150)
        subject.rows(strings, 0)
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return None
    return differential.compare_batch(subject, 0, strings, records, folder) or differential.compare_in_full(subject, strings, records, 0, folder)


def test_tokenizers_drawn_at_random(tmp_path):
    found = {seed: differences(seed, tmp_path) for seed in SEEDS}
    assert {seed: different[:2] for seed, different in found.items() if different} == {}
    assert sum(different is None for different in found.values()) <= len(SEEDS) // 10
