"""The search that differential.py makes at length, for a moment: one tokenizer of each format."""

import pytest

import differential


@pytest.mark.parametrize("name", ["gpt2", "bert-base-multilingual-cased", "t5-spm", "cl100k_base-ranks", "bert-gguf"])
def test_random_strings_by_the_million(name):
    row = differential.search(name, differential.subjects()[name], count=2000, seed=5)
    assert row.endswith("| 2,000 | 5 | 0 |"), row
