#!/usr/bin/env python3
"""Tokenizers beside the packages people use: the same text, as many threads, in turns.

    python3 bench/tokenization.py [--rounds 3] [--text mixed] [--threads 1] [--keep] [--tokenizers ../shared/tokenizers]

Documents of about 20 kB, or of 50 characters (`--text short`); bench/prose.py makes them. Each round measures ids alone, and ids with offsets where a package gives them. Every engine works in a
process of its own, with so many threads, which share the documents out; it reads all documents once before it is measured, so caches are warm on both sides;
the first pass is told too (cold), else the best of some passes, a second of them at least. `--keep` appends the result to bench/results/tokenization.json.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import peers
import prose

# The tokenizer's folder, and the packages that read it.
CASES = {
    "gpt2": ("gigatoken", "tokenizers", "tiktoken"),
    "cl100k": ("gigatoken", "tokenizers", "tiktoken"),
    "llama3": ("gigatoken", "tokenizers"),
    "o200k-style": ("gigatoken", "tokenizers", "tiktoken"),
    "llama2": ("gigatoken", "tokenizers"),
    "t5": ("sentencepiece", "tokenizers"),
    "bert-base-uncased": ("tokenizers",),
}
# Made of cl100k's ranks: how they cut a text, as the tokenizer.json files that people share spell it.
EXPRESSIONS = {
    "cl100k": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k-style": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
                   r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
                   r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
GPT2_EXPRESSION = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PASSES = 3  # for each thread: each has words it has met of its own
LEAST_SECONDS = 1.0  # and as many passes as this takes, lest the best of a quick engine be the best of few
SLOW = 4_000_000  # bytes that a slow package reads


def documents(name, most=None):
    made, size = [], 0
    for document in (prose.FOLDER / f"{name}.txt").read_text(encoding="utf-8").split(prose.SEPARATOR):
        made.append(document)
        size += len(document.encode())
        if most and size >= most:
            break
    return made


def folder_of(case, tokenizers):
    """The folder of its tokenizer.json, made where it must be."""
    if case not in EXPRESSIONS:
        return tokenizers / case
    folder = peers.ROOT / "build" / "bench-tokenizers" / case
    if not (folder / "tokenizer.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        peers.orrery("vocab", "convert", tokenizers / "cl100k_base" / "cl100k_base.tiktoken", "--pattern", EXPRESSIONS[case], "--special-tokens", '{"<|endoftext|>": 100257}',
                     "--to", "tokenizer.json", "-o", folder)
    return folder


def split_steps(tokenizer):
    step = tokenizer.get("pre_tokenizer") or {}
    return (one for one in step.get("pretokenizers", [step]) if one.get("type") == "Split")


# ---- the engines: each a function that makes (encode all documents) and, where it gives them, (the same with offsets) ----

def gigatoken(folder, threads):
    import gigatoken as package

    tokenizer = package.Tokenizer(str(folder / "tokenizer.json"))
    return lambda docs: tokenizer.encode_batch(docs), None


def tokenizers(folder, threads):
    import tokenizers as package

    tokenizer = package.Tokenizer.from_file(str(folder / "tokenizer.json"))
    fast = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
    return lambda docs: fast(docs), lambda docs: [one.offsets for one in tokenizer.encode_batch(docs)]


def tiktoken_encoding(folder):
    """Ranks and expression from the tokenizer.json that the others read."""
    import tiktoken as package
    import tokenizers as reader

    vocabulary = reader.Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab(with_added_tokens=False)
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spelled = {chr(b): b for b in visible} | {chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in visible)}
    ranks = {bytes(spelled[c] for c in token): rank for token, rank in vocabulary.items() if all(c in spelled for c in token)}
    split = next(split_steps(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))), None)
    return package.Encoding(folder.name, pat_str=split["pattern"]["Regex"] if split else GPT2_EXPRESSION, mergeable_ranks=ranks, special_tokens={})


def tiktoken(folder, threads):
    encoding = tiktoken_encoding(folder)
    if threads > 1:
        return lambda docs: encoding.encode_ordinary_batch(docs, num_threads=threads), None
    return lambda docs: [encoding.encode_ordinary(one) for one in docs], None


def sentencepiece(folder, threads):
    import sentencepiece as package

    model = package.SentencePieceProcessor(model_file=str(next(folder.glob("*.model"))))
    if threads > 1:
        return lambda docs: model.encode(docs, num_threads=threads), None
    return lambda docs: [model.encode(one) for one in docs], None


ENGINES = {engine.__name__: engine for engine in (gigatoken, tokenizers, tiktoken, sentencepiece)}


def speeds(engine, folder, name, threads):
    """MB of text a second, cold and warm, in this process."""
    docs = documents(name, None if engine == "gigatoken" else SLOW)
    megabytes = sum(len(one.encode()) for one in docs) / 1e6
    ids, offsets = ENGINES[engine](folder, threads)
    made = {}
    for kind, encode in (("ids", ids), ("offsets", offsets)):
        if not encode:
            continue
        taken = []
        while len(taken) < PASSES * threads or sum(taken) < LEAST_SECONDS:
            start = time.perf_counter()
            encode(docs)
            taken.append(time.perf_counter() - start)
        made[kind] = megabytes / min(taken[1:])
        if kind == "ids":
            made["cold"] = megabytes / taken[0]
    return made


def peer(engine, folder, name, threads):
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false"}
    done = subprocess.run([sys.executable, __file__, "--engine", engine, "--tokenizers", str(folder), "--text", name, "--threads", str(threads)], env=environment,
                          capture_output=True, text=True, timeout=1800)
    if done.returncode != 0:
        raise RuntimeError(f"{engine}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def orrery(folder, name, threads):
    text = prose.FOLDER / f"{name}.txt"

    def run(repeat):
        return peers.orrery("bench", "tokenize", folder, "--file", text, "--separator", prose.SEPARATOR, "--threads", threads, "--repeat", repeat)["megabytes_per_second"]

    cold, told = run(1), run(PASSES * threads)
    enough = math.ceil(LEAST_SECONDS * told["ids"] * 1e6 / text.stat().st_size)
    if enough > PASSES * threads:
        told = run(enough)
    return {"cold": cold["ids"], "ids": told["ids"], "offsets": told["offsets"]}


def compare(case, arguments):
    folder = folder_of(case, arguments.tokenizers)
    runs = {"orrery": lambda: orrery(folder, arguments.text, arguments.threads)} | {name: lambda name=name: peer(name, folder, arguments.text, arguments.threads) for name in CASES[case]}
    taken = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            taken[name].append(run())
            print(f"  {case:18} {name:14}" + "".join(f"  {kind} {speed:7.1f}" for kind, speed in taken[name][-1].items()) + " MB/s", flush=True)
    return {name: {kind: peers.summary([one[kind] for one in all_of]) for kind in all_of[0]} for name, all_of in taken.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", choices=["mixed", "cjk", "short"], default="mixed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokenizers", type=Path, default=peers.ROOT.parent / "shared" / "tokenizers")
    parser.add_argument("--case", choices=CASES, action="append", help="all unless named")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    if arguments.engine:
        return print(json.dumps(speeds(arguments.engine, arguments.tokenizers, arguments.text, arguments.threads)))
    if not (prose.FOLDER / f"{arguments.text}.txt").exists():
        prose.make(32)
    cases = {case: compare(case, arguments) for case in arguments.case or CASES}
    rows = []
    for case, engines in cases.items():
        for name, kinds in engines.items():
            for kind, speed in kinds.items():
                ours = engines["orrery"].get(kind)
                rows.append([case, kind, name, f"{speed['median']:.1f}", f"{ours['median'] / speed['median']:.2f}" if ours and name != "orrery" else ""])
    print()
    peers.print_table(["tokenizer", "what", "engine", "MB/s", "orrery's ratio"], rows)
    if arguments.keep:
        peers.append_result("tokenization", {"versions": peers.versions("gigatoken", "tokenizers", "tiktoken", "sentencepiece"), "text": arguments.text, "threads": arguments.threads, "cases": cases})


if __name__ == "__main__":
    sys.exit(main())
