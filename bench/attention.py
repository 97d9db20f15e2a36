#!/usr/bin/env python3
"""Attention of 12 heads of 64 beside PyTorch's scaled_dot_product_attention, in turns: forward over 4,096 tokens, forward and backward over 2,048, one query against 16,384 keys.

    python3 bench/attention.py [--rounds 3] [--threads 2] [--keep]

Wants `cmake --build build/release --target attention_bench`, which is no part of a usual build; it calls the kernels as the graph's ops do. Speeds are GFLOP/s by the clock, four (with the
backward pass fourteen) operations for a pair of query and key and an element; causal attention counts the pairs that are seen. One query reads keys and values of a cache in bf16: GB/s. Shares are of the
limits that `orrery bench machine` measures in the same run. A probe of the machine stands before and after each; runs of a slow state are dropped. `--keep` appends the result to
bench/results/attention.json; bench/report.py makes the page of it.
"""

import argparse
import json
import subprocess

import peers

PEERS = {"torch f32": "f32", "torch bf16": "bf16"}


def ours(threads):
    return json.loads(subprocess.run([peers.BINARY.parent / "attention_bench", str(threads)], check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="append to bench/results/attention.json")
    arguments = parser.parse_args()
    probe = peers.Probe(arguments.threads)
    limits = peers.orrery("bench", "machine")
    limits = limits["one_thread"] if arguments.threads == 1 else limits
    runs = {"orrery": lambda: ours(arguments.threads)} | {name: lambda dtype=dtype: peers.peer("torch-attention", "-", "--dtype", dtype, "--threads", arguments.threads) for name, dtype in PEERS.items()}
    taken = []
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            before = probe()
            made = run()
            taken.append({"engine": name, "probes": [before, probe()], "cases": {one["name"]: one["seconds"] for one in made["cases"]}})
            if name == "orrery":
                told = {one["name"]: one for one in made["cases"]}
            print(f"  {name:11}" + "".join(f"  {case} {1e3 * seconds:.1f} ms" for case, seconds in taken[-1]["cases"].items()), flush=True)
    good = probe.good_runs(taken, runs)
    if "orrery" not in good:
        raise SystemExit("there is nothing to compare")
    cases, rows = {}, []
    for case, one in told.items():
        # PyTorch's dtype is a matter of the engine.
        engines = {name: peers.summary([run["cases"][case if name == "orrery" else case.removesuffix(" bf16")] for run in of_engine]) for name, of_engine in good.items()}
        seconds = engines["orrery"]["median"]
        speed = one["gb_per_second" if one["queries"] == 1 else "gflops"] * one["seconds"] / seconds
        share = speed / peers.peak(limits, "read_gb_per_second" if one["queries"] == 1 else f"{one['products']}_gflops")
        ratios = {name: engine["median"] / seconds for name, engine in engines.items() if name != "orrery"}
        cases[case] = {name: one[name] for name in ("queries", "keys", "heads", "head_dim", "dtype", "products")} | {"speed": speed, "share": share, "engines": engines, "ratios": ratios}
        rows.append([case, f"{one['queries']}x{one['keys']}", f"{speed:.1f}", f"{share:.0%}", *[f"{ratios[name]:.2f}" if name in ratios else "" for name in PEERS]])
    print()
    peers.print_table(["what", "queries x keys", "GFLOP/s or GB/s", "of the limit", *PEERS], rows)
    if arguments.keep:
        peers.append_result("attention", {"versions": peers.versions("torch"), "threads": arguments.threads, "limits": limits, "probe_gflops": probe.best, "cases": cases, "taken": taken})


if __name__ == "__main__":
    main()
