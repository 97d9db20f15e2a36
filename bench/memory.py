#!/usr/bin/env python3
"""Peak memory as planned, with the mapped files that are read, beside what the process took: VmHWM less that of an empty process.

    python3 bench/memory.py [--keep]

Exits 1 when the two differ by more than 2 % of the plan or 8 MB, whichever is more.
"""

import argparse
import sys

import peers

CASES = {
    "gpt2-124m training 4x256": ("gpt2-124m", ["bench", "train"], ["--batch", 4, "--seq", 256]),
    "llama-110m prefill 512": ("llama-110m", ["bench"], ["--prompt-tokens", 512, "--new-tokens", 1, "--batch", 1, "--repeat", 1]),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="append to bench/results/memory.json")
    arguments = parser.parse_args()
    empty = peers.empty_process_bytes()
    rows, cases, held = [], {}, True
    for name, (shape, command, options) in CASES.items():
        made = peers.orrery(*command, peers.model_folder(shape), *options)
        planned, taken = made["peak_bytes"] + made.get("mapped_bytes", 0), made["vm_hwm_bytes"] - empty
        allowed = max(0.02 * planned, 8e6)
        within = abs(taken - planned) <= allowed
        held = held and within
        cases[name] = {"planned_bytes": planned, "taken_bytes": taken, "allowed_bytes": allowed, "within": within}
        rows.append([name, f"{planned / 1e6:.1f}", f"{taken / 1e6:.1f}", f"{(taken - planned) / 1e6:+.1f}", f"{allowed / 1e6:.1f}",
                     "yes" if within else "NO"])
    peers.print_table(["case", "planned MB", "taken MB", "difference", "allowed", "within"], rows)
    print(f"empty process: {empty / 1e6:.1f} MB")
    if arguments.keep:
        peers.append_result("memory", {"versions": peers.versions(), "empty_bytes": empty, "cases": cases})
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
