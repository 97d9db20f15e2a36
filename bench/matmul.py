#!/usr/bin/env python3
"""Matrix products beside oneDNN's, weights packed before by both, in one process and in turns.

    python3 bench/matmul.py [--rounds 5] [--keep]

Wants libdnnl-dev (Debian) and `cmake --build build/release --target onednn_bench`; that program is no part of a usual build. Speeds are GFLOP/s by the clock, medians of
the rounds; the ratio is the median of a round's. The binary's rows come as float32 and are rounded within the product; oneDNN's come as bfloat16 or bytes already, and its
whole numbers leave as whole numbers, where ours are scaled: int8 once, q8_0 for every 32. Shares are of the peak that `orrery bench machine` measures in the same run. A probe of
the machine stands before and after each: products of a slow state are dropped. `--keep` appends the result to bench/results/matmul.json; bench/report.py makes the page of it.
"""

import argparse
import json
import subprocess

import peers

PEAKS = {"f32": "f32_gflops", "bf16": "bf16_gflops", "int8": "int8_gops", "q8_0": "int8_gops"}


def measure(threads, rounds, probe, tries=3):
    for _ in range(tries):
        before = probe()
        done = subprocess.run([peers.BINARY.parent / "onednn_bench", str(threads), str(rounds)], check=True, capture_output=True, text=True)
        after = probe()
        if not probe.was_slow(before, after):
            return json.loads(done.stdout) | {"probes": [before, after]}
    raise SystemExit("the machine was in its slow state every time")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, action="append", help="1 and 2 unless named")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/matmul.json")
    arguments = parser.parse_args()
    probe = peers.Probe(2)
    limits = peers.orrery("bench", "machine")
    taken, rows = [measure(threads, arguments.rounds, probe) for threads in arguments.threads or (1, 2)], []
    for run in taken:
        peaks = limits["one_thread"] if run["threads"] == 1 else limits
        for one in run["products"]:
            peak = peers.peak(peaks, PEAKS[one["kind"]])
            one["share"], one["onednn_share"] = one["ours"] / peak, one["onednn"] / peak
            rows.append([run["threads"], f"{one['m']}x{one['n']}x{one['k']}", one["kind"], f"{one['ours']:.0f}", f"{one['share']:.0%}", f"{one['onednn']:.0f}", f"{one['onednn_share']:.0%}",
                         f"{one['ratio']:.2f}", one["implementation"]])
    peers.print_table(["threads", "m x n x k", "numbers", "orrery", "of peak", "oneDNN", "of peak", "ratio", "its kernel"], rows)
    if arguments.keep:
        peers.append_result("matmul", {"versions": peers.versions("torch") | {"onednn": taken[0]["onednn"]}, "limits": limits, "probe_gflops": probe.best, "taken": taken})


if __name__ == "__main__":
    main()
