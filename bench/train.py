#!/usr/bin/env python3
"""Training steps: the binary beside PyTorch, the same shapes, in turns; in float32, or with products in bf16 (PyTorch: autocast).

    python3 bench/train.py [--rounds 3] [--steps 3] [--shape gpt2-124m] [--compute-dtype bf16] [--peer-only] [--keep]

Each round measures the binary and PyTorch one after the other, with a probe of the machine before and after each; a measurement
taken while the machine was in its slow state is dropped. PyTorch goes on with the faster of its two attentions once both were measured.
`--keep` appends the result to bench/results/train.json; bench/report.py makes the page of it.
"""

import argparse

import peers

SHAPES = {"gpt2-124m": (4, 256), "llama-15m": (16, 256)}  # sequences, tokens of each


def measure(name, run, probe):
    """One measurement with the state of the machine around it."""
    before = probe()
    result = run()
    after = probe()
    slow = probe.was_slow(before, after)
    print(f"  {name:14} {result['tokens_per_second']:8.0f} tok/s   probe {before:.0f}, {after:.0f} GFLOP/s"
          f"{'   slow state: dropped' if slow else ''}", flush=True)
    return result | {"engine": name, "probes": [before, after], "slow": slow}


def compare(shape, arguments, probe):
    batch, seq = SHAPES[shape]
    folder = peers.model_folder(shape)

    def torch_run(attention):
        return lambda: peers.peer("torch-train", folder, "--batch", batch, "--seq", seq, "--attention", attention,
                                  "--dtype", arguments.compute_dtype, "--steps", arguments.steps, "--threads", arguments.threads)

    def orrery_run():
        return peers.orrery("bench", "train", folder, "--batch", batch, "--seq", seq, "--dtype", "f32", "--compute-dtype", arguments.compute_dtype,
                            "--threads", arguments.threads)

    runs = {"torch-eager": torch_run("eager"), "torch-sdpa": torch_run("sdpa")}
    if not arguments.peer_only:
        runs = {"orrery": orrery_run} | runs
    print(f"{shape}, {batch} x {seq} tokens", flush=True)
    taken = []
    for _ in range(arguments.rounds):
        taken += [measure(name, run, probe) for name, run in runs.items()]
        for one in taken:  # judged by the best probe so far
            one["slow"] = probe.was_slow(*one["probes"])
        speeds = {one["engine"]: one["tokens_per_second"] for one in taken if not one["slow"] and one["engine"] != "orrery"}
        if len(speeds) == 2 and all(name in runs for name in speeds):
            del runs[min(speeds, key=speeds.get)]
    torch_name = max((name for name in runs if name != "orrery"), key=lambda name: speeds.get(name, 0.0))
    engines = {}
    for name in ("orrery", torch_name):
        good = [one for one in taken if one["engine"] == name and not one["slow"]]
        if not good and any(one["engine"] == name for one in taken):
            print(f"  every run of {name} was taken in the slow state: repeat with more rounds")
        if good:
            engines["torch" if name == torch_name else name] = {
                "tokens_per_second": peers.summary([one["tokens_per_second"] for one in good]),
                "step_ms": peers.summary([one["step_ms"] for one in good]),
                "vm_hwm_bytes": max(one["vm_hwm_bytes"] for one in good),
            }
    result = {"batch": batch, "seq": seq, "torch_attention": torch_name.removeprefix("torch-"), "engines": engines,
              "taken": taken}
    if len(engines) == 2:
        result["ratio"] = (engines["orrery"]["tokens_per_second"]["median"] / engines["torch"]["tokens_per_second"]["median"])
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="measured steps of a PyTorch run, after two of warm-up")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shape", choices=SHAPES, action="append", help="both unless named")
    parser.add_argument("--compute-dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--peer-only", action="store_true", help="PyTorch alone")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/train.json")
    arguments = parser.parse_args()
    probe = peers.Probe(arguments.threads)
    shapes = {shape: compare(shape, arguments, probe) for shape in arguments.shape or SHAPES}

    print()
    rows = []
    for shape, result in shapes.items():
        for name, engine in result["engines"].items():
            speed = engine["tokens_per_second"]
            ratio = f"{result['ratio']:.2f}" if name == "orrery" and "ratio" in result else ""
            rows.append([shape, f"{result['batch']}x{result['seq']}", name if name == "orrery" else f"torch {result['torch_attention']}",
                         f"{speed['median']:.0f}", f"{speed['least']:.0f}-{speed['most']:.0f}", f"{engine['vm_hwm_bytes'] / 2**30:.2f}",
                         ratio])
    peers.print_table(["shape", "batch", "engine", "tok/s", "spread", "GiB", "ratio"], rows)
    print(f"probe, torch f32 matmul: best {probe.best:.0f} GFLOP/s")
    if arguments.keep:
        peers.append_result("train", {"versions": peers.versions("torch", "transformers"), "threads": arguments.threads, "compute_dtype": arguments.compute_dtype,
                                      "probe_gflops": probe.best, "shapes": shapes})


if __name__ == "__main__":
    main()
