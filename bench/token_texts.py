#!/usr/bin/env python3
"""One short text after another, and ids back to text, beside the packages people use, on one thread, in turns.

    python3 bench/token_texts.py [--rounds 3] [--case gpt2] [--keep] [--tokenizers ../shared/tokenizers]

Latency is the time of one call with one text of 50 characters (the median of many, in words met before); decoding is of documents of
about 20 kB, special tokens and all, in MB of text a second. `--keep` appends the result to bench/results/token_texts.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import peers
import prose
import tokenization

CASES = ("gpt2", "cl100k", "llama3", "o200k-style")
TEXTS = 20_000


def of_peer(engine, folder):
    """What a call takes, in microseconds, and MB of text a second, in this process."""
    if engine == "tiktoken":
        encoding = tokenization.tiktoken_encoding(folder)
        encode, decode = encoding.encode_ordinary, encoding.decode
    else:
        import tokenizers as package

        tokenizer = package.Tokenizer.from_file(str(folder / "tokenizer.json"))
        encode, decode = (lambda text: tokenizer.encode(text).ids), (lambda ids: tokenizer.decode(ids, skip_special_tokens=False))
    texts = tokenization.documents("short")[:TEXTS]
    for text in texts:
        encode(text)
    taken = []
    for text in texts:
        start = time.perf_counter_ns()
        encode(text)
        taken.append(time.perf_counter_ns() - start)
    docs = tokenization.documents("mixed", tokenization.SLOW)
    ids, passes = [encode(one) for one in docs], []
    for _ in range(tokenization.PASSES):
        start = time.perf_counter()
        for one in ids:
            decode(one)
        passes.append(time.perf_counter() - start)
    return {"latency_us": statistics.median(taken) / 1e3, "decoding": sum(len(one.encode()) for one in docs) / 1e6 / min(passes)}


def of_orrery(folder):
    def run(text):
        return peers.orrery("bench", "tokenize", folder, "--file", prose.FOLDER / f"{text}.txt", "--separator", prose.SEPARATOR, "--threads", 1, "--repeat", tokenization.PASSES)

    return {"latency_us": run("short")["latency_us"]["p50"], "decoding": run("mixed")["megabytes_per_second"]["decode"]}


def in_process(engine, folder):
    done = subprocess.run([sys.executable, __file__, "--engine", engine, "--tokenizers", str(folder)], capture_output=True, text=True, timeout=1800, check=True)
    return json.loads(done.stdout)


def compare(case, arguments):
    folder = tokenization.folder_of(case, arguments.tokenizers)
    runs = {"orrery": lambda: of_orrery(folder)} | {name: lambda name=name: in_process(name, folder) for name in ("tiktoken", "tokenizers")}
    taken = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            taken[name].append(run())
            print(f"  {case:14} {name:10}  a text {taken[name][-1]['latency_us']:7.2f} us, decoding {taken[name][-1]['decoding']:7.1f} MB/s", flush=True)
    return {name: {kind: peers.summary([one[kind] for one in all_of]) for kind in all_of[0]} for name, all_of in taken.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokenizers", type=Path, default=peers.ROOT.parent / "shared" / "tokenizers")
    parser.add_argument("--case", choices=CASES, action="append", help="all unless named")
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    if arguments.engine:
        return print(json.dumps(of_peer(arguments.engine, arguments.tokenizers)))
    if not (prose.FOLDER / "short.txt").exists():
        prose.make(32)
    cases = {case: compare(case, arguments) for case in arguments.case or CASES}
    rows = []
    for case, engines in cases.items():
        ours = engines["orrery"]
        for name, kinds in engines.items():
            latency, decoding = kinds["latency_us"]["median"], kinds["decoding"]["median"]
            ratios = ["", ""] if name == "orrery" else [f"{latency / ours['latency_us']['median']:.1f}", f"{ours['decoding']['median'] / decoding:.1f}"]
            rows.append([case, name, f"{latency:.2f}", ratios[0], f"{decoding:.1f}", ratios[1]])
    print()
    peers.print_table(["tokenizer", "engine", "us a text", "orrery's ratio", "decoding MB/s", "orrery's ratio"], rows)
    if arguments.keep:
        peers.append_result("token_texts", {"versions": peers.versions("tokenizers", "tiktoken"), "cases": cases})


if __name__ == "__main__":
    sys.exit(main())
