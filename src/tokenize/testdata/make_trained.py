#!/usr/bin/env python3
"""Makes the reference's vocabularies of a small corpus (trained.json), for the trainers that repeat themselves.

    pip install tokenizers==0.23.3
    python3 src/tokenize/testdata/make_trained.py
"""
import json
import os

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = [f"{a} {b} {c}{end}" for a in ("The miller", "A sailor", "Our naïve aunt", "Der Müller") for b in ("carried", "carries", "sold", "resold")
          for c, end in (("flour and salt", "."), ("wheels, nails, sails", "!"), ("127 barrels", " 12 times."), ("中文 books", "…"))] + ["aaaaaaaa aaaa aa", "", "  two  spaces  "]
CASES = [
    ("bpe", {"vocab_size": 120, "special_tokens": ["<unk>"]}),
    ("bpe", {"vocab_size": 200, "min_frequency": 4, "special_tokens": ["<unk>", "<pad>"], "max_token_length": 5}),
    ("bpe", {"vocab_size": 90, "special_tokens": [], "initial_alphabet": ["z", "ß"]}),
    ("byte-bpe", {"vocab_size": 330, "special_tokens": ["<|endoftext|>"]}),
    ("wordlevel", {"vocab_size": 30, "min_frequency": 2, "special_tokens": ["[UNK]"]}),
]


def learn(algorithm, options):
    kind = {"bpe": (models.BPE, trainers.BpeTrainer), "byte-bpe": (models.BPE, trainers.BpeTrainer), "wordlevel": (models.WordLevel, trainers.WordLevelTrainer)}[algorithm]
    results = []
    for _ in range(3):
        tokenizer = Tokenizer(kind[0]())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False) if algorithm == "byte-bpe" else pre_tokenizers.Whitespace()
        more = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()} if algorithm == "byte-bpe" else {}
        tokenizer.train_from_iterator(CORPUS, kind[1](show_progress=False, **options, **more))
        results.append(tokenizer.to_str())
    assert len(set(results)) == 1, (algorithm, options)
    model = json.loads(results[0])["model"]
    return {"vocab": sorted(model["vocab"], key=model["vocab"].get), "merges": model.get("merges", [])}


cases = [{"algorithm": algorithm, "options": {**options, "initial_alphabet": "".join(options.get("initial_alphabet", []))}, **learn(algorithm, options)} for algorithm, options in CASES]
with open(os.path.join(HERE, "trained.json"), "w", encoding="utf-8") as out:
    json.dump({"tokenizers": tokenizers.__version__, "corpus": CORPUS, "cases": cases}, out, ensure_ascii=False, indent=0)
    out.write("\n")
