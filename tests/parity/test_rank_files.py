"""Rank files with tokens in any order, as `tiktoken` reads them: a part may have a larger rank than what it makes, or none."""

import base64
import json
import random

import pytest
import tiktoken

import orrery

PATTERN = r"\w+|\W"


@pytest.mark.parametrize("seed", range(12))
def test_random_ranks(seed, tmp_path):
    chosen = random.Random(seed)
    letters = "ab" if seed % 2 else "abcdé"
    tokens = [bytes([b]) for b in range(256)]
    tokens += sorted({"".join(chosen.choices(letters, k=chosen.randint(2, 6))).encode() for _ in range(chosen.randint(5, 60))}, key=lambda _: chosen.random())
    ranks = {token: rank for rank, token in enumerate(tokens)}
    path = tmp_path / "random.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items()))
    reference = tiktoken.Encoding("random", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})

    wanted = ["".join(chosen.choices(letters, k=chosen.randint(1, 40))) for _ in range(300)]
    wanted += ["".join(chosen.choices(letters, k=length)) for length in (100, 600, 3000)]   # some longer than what is merged at once
    records = tmp_path / "texts.jsonl"
    records.write_text("".join(json.dumps({"text": text}) + "\n" for text in wanted))
    rows = orrery.call_json_lines("tokenize", path, "--jsonl", records, "--pattern", PATTERN)
    for text, row in zip(wanted, rows, strict=True):
        assert row["ids"] == reference.encode_ordinary(text), repr(text)
