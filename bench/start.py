#!/usr/bin/env python3
"""From the start of a process to its first token, with weights packed anew and with packed weights mapped from a file; and its own memory.

    python3 bench/start.py [--rounds 5] [--shape llama-1.1b] [--keep]

Weights are random, in bf16, made once and kept under build/bench-models. All files are in the system's memory when the rounds begin. The prompt
is six ids. Exits 1 where the process's own memory differs from the plan by more than 2 %.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

import peers
from llama_weights import with_weights

WAYS = {"bf16 weights, f32": [], "bf16 weights and rows": ["--compute-dtype", "bf16"], "q8_0": ["--dtype", "q8_0"]}
PROMPT = ["--prompt-ids", "1,306,4658,278,6593,310"]


def seconds(folder, options, cache):
    command = [peers.BINARY, "generate", folder, *PROMPT, "--max-new-tokens", 1, "--ignore-eos", "--json", *options]
    begin = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, env=os.environ | {"ORRERY_PACKED_CACHE": cache})
    return time.perf_counter() - begin, json.loads(done.stdout)["ids"]


def measure(name, folder, cache, rounds):
    options = WAYS[name]
    expected = seconds(folder, options, "")[1]
    if seconds(folder, options, cache)[1] != expected:           # writes the file
        sys.exit(f"{name}: other tokens")
    taken = {"packed": [], "mapped": []}
    for _ in range(rounds):
        for way, where in (("packed", ""), ("mapped", cache)):
            spent, ids = seconds(folder, options, where)
            taken[way].append(spent)
            if ids != expected:
                sys.exit(f"{name}, {way}: other tokens")
    os.environ["ORRERY_PACKED_CACHE"] = cache
    made = peers.orrery("bench", folder, *options, "--prompt-tokens", 256, "--new-tokens", 1, "--batch", 1, "--repeat", 1, every=0.002)
    del os.environ["ORRERY_PACKED_CACHE"]
    return {way: {"least": min(all_), "median": statistics.median(all_), "runs": len(all_)} for way, all_ in taken.items()} | {
        "planned_bytes": made["peak_bytes"], "own_bytes": made["own_bytes"], "mapped_bytes": made["mapped_bytes"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shape", default="llama-1.1b")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/start.json")
    arguments = parser.parse_args()
    folder = with_weights(peers.model_folder(arguments.shape))
    cache = folder / "packed"
    shutil.rmtree(cache, ignore_errors=True)
    os.environ.pop("ORRERY_PACKED_CACHE", None)
    cases = {name: measure(name, folder, str(cache), arguments.rounds) for name in WAYS}
    shutil.rmtree(cache)
    rows, held = [], True
    for name, case in cases.items():
        within = abs(case["own_bytes"] - case["planned_bytes"]) <= 0.02 * case["planned_bytes"]
        held = held and within
        rows.append([name, *[f"{case[way]['least']:.2f} ({case[way]['median']:.2f})" for way in ("packed", "mapped")], f"{case['planned_bytes'] / 1e6:.1f}",
                     f"{case['own_bytes'] / 1e6:.1f}", f"{case['mapped_bytes'] / 1e6:.0f}", "yes" if within else "NO"])
    peers.print_table(["products", "packed s (median)", "mapped s (median)", "planned MB", "taken MB", "mapped MB", "within"], rows)
    if arguments.keep:
        peers.append_result("start", {"versions": peers.versions(), "shape": arguments.shape, "cases": cases})
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
