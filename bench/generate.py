#!/usr/bin/env python3
"""Reading a prompt and writing more tokens: the binary beside llama.cpp and PyTorch, the same weights, in turns.

    python3 bench/generate.py [--rounds 3] [--shape llama-110m] [--format q8_0] [--prompt 512] [--new 32] [--batch 1] [--kv-dtype f16] [--keep]

Weights are random, made once and kept under build/bench-models; the binary and llama.cpp read the same GGUF file, which the binary made of them, PyTorch the folder, in bf16. With --batch
N prompts are read and written together. Decoding's share is of the machine's read bandwidth: of the bytes of weights that a step must read (no embedding rows that it does not) and of keys
and values; reading's is of the peak of the format's products. Each measurement has a probe of the machine before and after it; those taken in the machine's slow
state are dropped. `--keep` appends the result to bench/results/generate.json; bench/report.py makes the page of it.
"""

import argparse
import json

import llama_weights
import peers

# The format: how the binary is asked for it, how the file is made, and the limit of its products.
FORMATS = {"f32": (["--dtype", "f32"], ["--dtype", "f32"], "f32_gflops"), "bf16": (["--compute-dtype", "bf16"], ["--dtype", "bf16"], "bf16_gflops")}
FORMATS |= {name: ([], ["--quantize", name], "int8_gops") for name in ("q8_0", "q6_k", "q5_k", "q5_1", "q5_0", "q4_k", "q4_1", "q4_0", "q4_k_m")}
KINDS = ("prefill_tokens_per_second", "decode_tokens_per_second")
BYTES_OF_CACHE = {"f16": 2, "q8_0": 34 / 32}


def gguf_of(folder, name):
    path = folder / f"{name}.gguf"
    if not path.exists():
        peers.orrery("convert", folder, path, *FORMATS[name][1])
    return path


def work(folder, gguf, arguments):
    """What a step of decoding must read, in bytes, and what a token of the prompt must multiply, in operations."""
    config = json.loads((folder / "config.json").read_text())
    rows = config["vocab_size"] * config["hidden_size"]
    parameters = sum(shape[0] * (shape[1] if len(shape) > 1 else 1) for _, shape in llama_weights.tensors(config))
    read = parameters - (0 if config["tie_word_embeddings"] else rows)
    head = config["hidden_size"] // config["num_attention_heads"]
    cached = 2 * config["num_hidden_layers"] * config["num_key_value_heads"] * head * BYTES_OF_CACHE[arguments.kv_dtype] * (arguments.prompt + arguments.new / 2)
    # The output layer serves the prompt's last token alone; a query sees half of the prompt.
    multiplied = 2 * (read - rows) + 2 * arguments.prompt * config["num_hidden_layers"] * config["num_attention_heads"] * head + 2 * rows / arguments.prompt
    return gguf.stat().st_size * read / parameters + arguments.batch * cached, multiplied


def measure(name, run, probe):
    before = probe()
    result = run()
    after = probe()
    print(f"  {name:10} prefill {result[KINDS[0]]:8.0f} tok/s   decode {result[KINDS[1]]:7.1f} tok/s   probe {before:.0f}, {after:.0f} GFLOP/s", flush=True)
    return {what: result[what] for what in (*KINDS, "vm_hwm_bytes", "own_layouts") if what in result} | {"engine": name, "probes": [before, after]}


def compare(shape, name, arguments, probe, limits):
    folder = llama_weights.with_weights(peers.model_folder(shape))
    gguf = gguf_of(folder, name)
    sizes = ["--batch", arguments.batch, "--threads", arguments.threads, "--repeat", arguments.repeat]
    runs = {
        "orrery": lambda: peers.orrery("bench", gguf, *FORMATS[name][0], "--kv-dtype", arguments.kv_dtype, "--prompt-tokens", arguments.prompt, "--new-tokens", arguments.new, *sizes),
        "llama.cpp": lambda: peers.peer("llama-cpp", gguf, "--seq", arguments.prompt, "--steps", arguments.new, "--kv-dtype", arguments.kv_dtype, *sizes),
    }
    if name in ("f32", "bf16"):
        runs["torch"] = lambda: peers.peer("torch-generate", folder, "--seq", arguments.prompt, "--steps", arguments.new, "--dtype", name, *sizes)
    print(f"{shape}, {name}", flush=True)
    taken = [measure(engine, run, probe) for _ in range(arguments.rounds) for engine, run in runs.items()]
    engines = {engine: {kind: peers.summary([one[kind] for one in good]) for kind in KINDS} | {"vm_hwm_bytes": max(one["vm_hwm_bytes"] for one in good)}
               for engine, good in probe.good_runs(taken, runs).items()}
    result = {"engines": engines, "taken": taken}
    if "orrery" in engines:
        read, multiplied = work(folder, gguf, arguments)
        prefill, decode = (engines["orrery"][kind]["median"] for kind in KINDS)
        result |= {"prefill_share": prefill * multiplied / 1e9 / peers.peak(limits, FORMATS[name][2]), "decode_share": decode / arguments.batch * read / 1e9 / limits["read_gb_per_second"]}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3, help="measurements of a round, after one of warm-up")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--new", type=int, default=32)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--kv-dtype", choices=BYTES_OF_CACHE, default="f16")
    parser.add_argument("--shape", choices=["llama-110m", "llama-1.1b"], default="llama-110m")
    parser.add_argument("--format", choices=FORMATS, action="append", help="bf16, q8_0, q4_0 and q4_k unless named")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/generate.json")
    arguments = parser.parse_args()
    probe = peers.Probe(arguments.threads)
    limits = peers.orrery("bench", "machine")
    cases = {name: compare(arguments.shape, name, arguments, probe, limits) for name in arguments.format or ("bf16", "q8_0", "q4_0", "q4_k")}
    print()
    rows = []
    for name, case in cases.items():
        medians = {engine: [result[kind]["median"] for kind in KINDS] for engine, result in case["engines"].items()}
        for engine, speeds in medians.items():
            cells = []
            for i, speed in enumerate(speeds):
                ours = medians["orrery"][i] if "orrery" in medians else None
                cells += [f"{speed:.1f}", f"{case[('prefill_share', 'decode_share')[i]]:.0%} of the limit" if engine == "orrery" else f"{ours / speed:.2f}" if ours else ""]
            rows.append([name, engine, *cells])
    peers.print_table(["format", "engine", "prefill tok/s", "orrery's ratio", "decode tok/s", "orrery's ratio"], rows)
    print(f"limits: read {limits['read_gb_per_second']:.1f} GB/s, f32 {limits['f32_gflops']:.0f}, bf16 {limits['bf16_gflops']:.0f} GFLOP/s, int8 {limits['int8_gops']:.0f} Gop/s")
    if arguments.keep:
        peers.append_result("generate", {"versions": peers.versions("llama-cpp-python", "torch", "transformers"), "threads": arguments.threads, "shape": arguments.shape, "kv_dtype": arguments.kv_dtype,
                                         "prompt": arguments.prompt, "new": arguments.new, "batch": arguments.batch, "limits": limits, "probe_gflops": probe.best, "cases": cases})


if __name__ == "__main__":
    main()
