#!/usr/bin/env python3
"""Peak memory as planned beside what the process took: its own, without mapped files (RssAnon).

    python3 bench/memory.py [--keep]

Exits 1 when the two differ by more than 2 % of the plan.
"""

import argparse
import sys

import peers

READ_512 = ["--prompt-tokens", 512, "--new-tokens", 1, "--batch", 1, "--repeat", 1]
CASES = {
    "gpt2-124m training 4x256": ("gpt2-124m", ["bench", "train"], ["--batch", 4, "--seq", 256]),
    "llama-110m prefill 512": ("llama-110m", ["bench"], READ_512),
    "llama-110m prefill 512, q8_0": ("llama-110m", ["bench"], [*READ_512, "--dtype", "q8_0", "--kv-dtype", "q8_0"]),
    "bert-base 8x128": ("bert-base", ["bench"], ["--prompt-tokens", 128, "--batch", 8, "--repeat", 2]),
    "t5-small 4x128 to 32": ("t5-small", ["bench"], ["--prompt-tokens", 128, "--new-tokens", 32, "--batch", 4, "--repeat", 1]),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="append to bench/results/memory.json")
    arguments = parser.parse_args()
    rows, cases, held = [], {}, True
    for name, (shape, command, options) in CASES.items():
        made = peers.orrery(*command, peers.model_folder(shape), *options, every=0.01)
        planned, taken = made["peak_bytes"], made["own_bytes"]
        within = abs(taken - planned) <= 0.02 * planned
        held = held and within
        cases[name] = {"planned_bytes": planned, "taken_bytes": taken, "within": within}
        rows.append([name, f"{planned / 1e6:.1f}", f"{taken / 1e6:.1f}", f"{100 * (taken / planned - 1):+.2f} %", "yes" if within else "NO"])
    peers.print_table(["case", "planned MB", "taken MB", "difference", "within 2 %"], rows)
    if arguments.keep:
        peers.append_result("memory", {"versions": peers.versions(), "cases": cases})
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
