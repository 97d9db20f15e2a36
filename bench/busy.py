#!/usr/bin/env python3
"""Writing tokens with all cores while another process keeps one of them busy: the share of the speed that is left; llama.cpp beside it, in turns.

    python3 bench/busy.py [--rounds 3] [--shape llama-110m] [--format q8_0] [--keep]

The other process spins on the last core. Half of one core is what it takes by right: 0.75 of the speed is left where work can be shared out freely, 0.5 where every thread waits for the slowest.
`--keep` appends the result to bench/results/busy.json; bench/report.py makes the page of it.
"""

import argparse
import os
import statistics
import subprocess
import sys

import generate
import llama_weights
import peers


class Busy:
    """A process that does nothing but spin on the last core."""

    def __enter__(self):
        last = max(os.sched_getaffinity(0))
        self.process = subprocess.Popen([sys.executable, "-c", f"import os\nos.sched_setaffinity(0, {{{last}}})\nwhile True: pass"])

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--shape", default="llama-110m")
    parser.add_argument("--format", choices=generate.FORMATS, default="q8_0")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/busy.json")
    arguments = parser.parse_args()
    gguf = generate.gguf_of(llama_weights.with_weights(peers.model_folder(arguments.shape)), arguments.format)
    sizes = ["--threads", arguments.threads, "--repeat", 3]
    runs = {
        "orrery": lambda: peers.orrery("bench", gguf, *generate.FORMATS[arguments.format][0], "--kv-dtype", "f16", "--prompt-tokens", 64, "--new-tokens", 64, *sizes),
        "llama.cpp": lambda: peers.peer("llama-cpp", gguf, "--seq", 64, "--steps", 64, *sizes),
    }
    taken = {name: {"alone": [], "busy": []} for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            taken[name]["alone"].append(run()["decode_tokens_per_second"])
            with Busy():
                taken[name]["busy"].append(run()["decode_tokens_per_second"])
            print(f"  {name:10} alone {taken[name]['alone'][-1]:7.1f}   beside a busy process {taken[name]['busy'][-1]:7.1f} tokens/s", flush=True)
    left = {name: statistics.median(busy / alone for busy, alone in zip(one["busy"], one["alone"])) for name, one in taken.items()}
    print()
    peers.print_table(["engine", "alone", "busy", "left"], [[name, *[f"{statistics.median(values):.1f}" for values in one.values()], f"{left[name]:.0%}"] for name, one in taken.items()])
    if arguments.keep:
        engines = {name: {state: peers.summary(values) for state, values in one.items()} | {"left": left[name]} for name, one in taken.items()}
        peers.append_result("busy", {"versions": peers.versions("llama-cpp-python"), "shape": arguments.shape, "format": arguments.format, "threads": arguments.threads, "engines": engines})


if __name__ == "__main__":
    main()
