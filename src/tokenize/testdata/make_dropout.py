#!/usr/bin/env python3
"""Counts how often the reference cuts a text in which way with BPE-dropout (dropout.json).

    pip install tokenizers==0.23.3
    python3 src/tokenize/testdata/make_dropout.py
"""
import collections
import json
import os

import tokenizers
from tokenizers import Tokenizer, models

DRAWS = 100000
MERGES = [("a", "b"), ("ab", "c"), ("b", "c"), ("ab", "ab"), ("c", "a"), ("abc", "abc")]
TEXTS = ["abab", "abcabc", "cabcab"]


def main():
    vocab = {token: i for i, token in enumerate("abc")}
    for left, right in MERGES:
        vocab.setdefault(left + right, len(vocab))
    rows = []
    for dropout in (0.1, 0.5, 0.9):
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=MERGES, dropout=dropout))
        for text in TEXTS:
            counts = collections.Counter(" ".join(tokenizer.encode(text).tokens) for _ in range(DRAWS))
            rows.append({"dropout": dropout, "text": text, "counts": dict(counts.most_common())})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dropout.json")
    with open(path, "w") as f:
        f.write(json.dumps({"made_by": "make_dropout.py", "tokenizers": tokenizers.__version__, "draws": DRAWS, "vocab": vocab, "merges": MERGES})[:-1])
        f.write(', "rows": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]}\n")


if __name__ == "__main__":
    main()
