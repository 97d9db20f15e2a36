#!/usr/bin/env python3
"""Reading a prompt of 512 tokens and writing 32 more: the binary beside llama.cpp, the same weights in the same format, in turns.

    python3 bench/generate.py [--rounds 3] [--shape llama-110m] [--format q8_0] [--keep]

Weights are random, made once and kept under build/bench-models; both read the same GGUF file, which the binary made of them, and keep keys and values in f16. Each measurement has a probe of the machine before and after it; those taken in the machine's slow
state are dropped. `--keep` appends the result to bench/results/generate.json; bench/report.py makes the page of it.
"""

import argparse

import peers

# The format: how the binary is asked for it, and how the file is made.
FORMATS = {"bf16": (["--compute-dtype", "bf16"], ["--dtype", "bf16"])}
FORMATS |= {name: ([], ["--quantize", name]) for name in ("q8_0", "q6_k", "q5_k", "q5_1", "q5_0", "q4_k", "q4_1", "q4_0", "q4_k_m")}
KINDS = ("prefill_tokens_per_second", "decode_tokens_per_second")


def gguf_of(folder, name):
    path = folder / f"{name}.gguf"
    if not path.exists():
        peers.orrery("convert", folder, path, *FORMATS[name][1])
    return path


def measure(name, run, probe):
    before = probe()
    result = run()
    after = probe()
    print(f"  {name:10} prefill {result[KINDS[0]]:8.0f} tok/s   decode {result[KINDS[1]]:7.1f} tok/s   probe {before:.0f}, {after:.0f} GFLOP/s", flush=True)
    return {kind: result[kind] for kind in KINDS} | {"vm_hwm_bytes": result["vm_hwm_bytes"], "engine": name, "probes": [before, after]}


def compare(shape, name, arguments, probe):
    folder = peers.weighted_folder(shape, "AutoModelForCausalLM", "bfloat16")
    gguf = gguf_of(folder, name)
    runs = {
        "orrery": lambda: peers.orrery("bench", gguf, *FORMATS[name][0], "--kv-dtype", "f16", "--prompt-tokens", arguments.prompt, "--new-tokens", arguments.new, "--repeat", 3,
                                       "--threads", arguments.threads),
        "llama.cpp": lambda: peers.peer("llama-cpp", gguf, "--seq", arguments.prompt, "--steps", arguments.new, "--threads", arguments.threads),
    }
    print(f"{shape}, {name}", flush=True)
    taken = [measure(engine, run, probe) for _ in range(arguments.rounds) for engine, run in runs.items()]
    engines = {}
    for engine in runs:
        good = [one for one in taken if one["engine"] == engine and not probe.was_slow(*one["probes"])]
        if good:
            engines[engine] = {kind: peers.summary([one[kind] for one in good]) for kind in KINDS} | {"vm_hwm_bytes": max(one["vm_hwm_bytes"] for one in good)}
        else:
            print(f"  every run of {engine} was taken in the slow state: repeat with more rounds")
    return {"engines": engines, "taken": taken}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--new", type=int, default=32)
    parser.add_argument("--shape", default="llama-110m")
    parser.add_argument("--format", choices=FORMATS, action="append", help="bf16, q8_0, q4_0 and q4_k unless named")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/generate.json")
    arguments = parser.parse_args()
    probe = peers.Probe(arguments.threads)
    limits = peers.orrery("bench", "machine")
    cases = {name: compare(arguments.shape, name, arguments, probe) for name in arguments.format or ("bf16", "q8_0", "q4_0", "q4_k")}
    print()
    rows = []
    for name, case in cases.items():
        medians = {engine: [result[kind]["median"] for kind in KINDS] for engine, result in case["engines"].items()}
        for engine, (prefill, decode) in medians.items():
            ratios = [f"{ours / theirs:.2f}" for ours, theirs in zip(medians["orrery"], medians["llama.cpp"])] if engine == "orrery" and len(medians) == 2 else ["", ""]
            rows.append([name, engine, f"{prefill:.0f}", ratios[0], f"{decode:.1f}", ratios[1]])
    peers.print_table(["format", "engine", "prefill tok/s", "ratio", "decode tok/s", "ratio"], rows)
    print(f"limits: read {limits['read_gb_per_second']:.1f} GB/s, f32 {limits['f32_gflops']:.0f}, bf16 {limits['bf16_gflops']:.0f} GFLOP/s, int8 {limits['int8_gops']:.0f} Gop/s")
    if arguments.keep:
        peers.append_result("generate", {"versions": peers.versions("llama-cpp-python", "torch"), "threads": arguments.threads, "shape": arguments.shape,
                                         "prompt": arguments.prompt, "new": arguments.new, "limits": limits, "probe_gflops": probe.best, "cases": cases})


if __name__ == "__main__":
    main()
