#!/usr/bin/env python3
"""Greedy generation of an encoder-decoder: the binary beside PyTorch and CTranslate2, the same weights, in turns.

    python3 bench/seq2seq.py [--rounds 3] [--batch 1] [--source 64] [--new 64] [--keep] [--shared ../shared]

The shape is T5-small's; weights are random, made once and kept under build/bench-models (the tokenizer, which CTranslate2's converter asks for, comes from ../shared).
Sources are random tokens, and all engines write the same number; a speed counts reading the source. A measurement has a probe of the machine before and after it; those
taken in the slow state are dropped. `--keep` appends the result to bench/results/seq2seq.json; bench/report.py makes the page of it.
"""

import argparse
import shutil
from pathlib import Path

import peers

# Engines: what runs, with which words.
ENGINES = {
    "orrery f32": ("orrery", ["--dtype", "f32"]),
    "orrery bf16": ("orrery", ["--dtype", "bf16", "--compute-dtype", "bf16"]),
    "orrery q8_0": ("orrery", ["--dtype", "q8_0"]),
    "torch f32": ("torch-translate", ["--dtype", "f32"]),
    "torch bf16": ("torch-translate", ["--dtype", "bf16"]),
    "ctranslate2 f32": ("ctranslate2", ["--dtype", "f32"]),
    "ctranslate2 int8": ("ctranslate2", ["--dtype", "int8"]),
}
PAIRS = (("orrery f32", "torch f32"), ("orrery f32", "ctranslate2 f32"), ("orrery bf16", "torch bf16"), ("orrery q8_0", "ctranslate2 int8"))


def t5_small(shared):
    folder = peers.weighted_folder("t5-small", "AutoModelForSeq2SeqLM")
    for name in ("tokenizer.json", "spiece.model"):
        shutil.copyfile(shared / "tokenizers" / "t5" / name, folder / name)
    return folder


def run_orrery(folder, words, arguments):
    made = peers.orrery("bench", folder, "--prompt-tokens", arguments.source, "--new-tokens", arguments.new, "--batch", arguments.batch, "--repeat", 3, "--threads", arguments.threads, *words)
    reading = arguments.batch * arguments.source / made["prefill_tokens_per_second"]  # and the first token
    writing = arguments.batch * (arguments.new - 1) / made["decode_tokens_per_second"]
    return {"tokens_per_second": arguments.batch * arguments.new / (reading + writing), "vm_hwm_bytes": made["vm_hwm_bytes"]}


def measure(name, folder, arguments, probe):
    engine, words = ENGINES[name]
    before = probe()
    if engine == "orrery":
        result = run_orrery(folder, words, arguments)
    else:
        result = peers.peer(engine, folder, "--batch", arguments.batch, "--seq", arguments.source, "--steps", arguments.new, "--threads", arguments.threads, *words)
    after = probe()
    print(f"  {name:17} {result['tokens_per_second']:8.1f} tokens/s   probe {before:.0f}, {after:.0f} GFLOP/s", flush=True)
    return result | {"engine": name, "probes": [before, after]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--source", type=int, default=64)
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--shared", type=Path, default=peers.ROOT.parent / "shared")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/seq2seq.json")
    arguments = parser.parse_args()
    probe = peers.Probe(arguments.threads)
    limits = peers.orrery("bench", "machine")
    folder = t5_small(arguments.shared)
    taken = [measure(name, folder, arguments, probe) for _ in range(arguments.rounds) for name in ENGINES]
    engines = {name: {"tokens_per_second": peers.summary([one["tokens_per_second"] for one in good]), "vm_hwm_bytes": max(one["vm_hwm_bytes"] for one in good)}
               for name, good in probe.good_runs(taken, ENGINES).items()}
    speeds = {name: engine["tokens_per_second"]["median"] for name, engine in engines.items()}
    ratios = [{"ours": ours, "peer": theirs, "ratio": speeds[ours] / speeds[theirs]} for ours, theirs in PAIRS if ours in speeds and theirs in speeds]
    print()
    peers.print_table(["engine", "tokens/s"], [[name, f"{speed:.1f}"] for name, speed in speeds.items()])
    print()
    peers.print_table(["ours", "peer", "ratio"], [[one["ours"], one["peer"], f"{one['ratio']:.2f}"] for one in ratios])
    if arguments.keep:
        peers.append_result("seq2seq", {"versions": peers.versions("torch", "transformers", "ctranslate2"), "threads": arguments.threads, "shape": "t5-small", "batch": arguments.batch,
                                        "source": arguments.source, "new": arguments.new, "limits": limits, "probe_gflops": probe.best, "engines": engines, "ratios": ratios, "taken": taken})


if __name__ == "__main__":
    main()
