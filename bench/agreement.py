#!/usr/bin/env python3
"""Logits and perplexity of a model in each block format: the binary beside llama.cpp, on the same bytes of the same GGUF file.

    python3 bench/agreement.py [--model storyteller] [--file TEXT] [--tokens 200] [--windows 4] [--format q4_k] [--keep]

The text is what the model itself writes, unless a file is named: far from what it knows, logits are small differences of large sums. Errors are relative to the largest logit, and by root mean square to the logits' own. The third pair of columns says how far each of
the two is from the same file with floats in place of blocks: rounding the other factor to 8 bits costs both about as much. `--keep`
appends the result to bench/results/agreement.json.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy
import peers

FORMATS = ("q8_0", "q6_k", "q5_k", "q5_1", "q5_0", "q4_k", "q4_1", "q4_0", "q4_k_m")


def our_logits(gguf, window, folder, *more):
    peers.printed("logits", gguf, "--ids", ",".join(map(str, window)), *more, "-o", Path(folder) / "logits.npy")
    return numpy.load(Path(folder) / "logits.npy").astype(numpy.float64)


def their_logits(gguf, windows):
    room = max(map(len, windows)) + 8
    llama = peers.LlamaCpp(gguf, 2, room, "F32", n_ctx=room, n_ubatch=room)
    found = []
    for window in windows:
        llama.clear()
        llama.decode([(token, i, 0, True) for i, token in enumerate(window)])
        found.append(numpy.array([llama.logits(i) for i in range(len(window))], dtype=numpy.float64))
    llama.close()
    return found


def loss(logits, window):
    """Nats a token, of each token after the first."""
    rows = logits[:-1] - logits[:-1].max(axis=1, keepdims=True)
    return float((numpy.log(numpy.exp(rows).sum(axis=1)) - rows[numpy.arange(len(window) - 1), window[1:]]).mean())


def differences(a, b):
    return {"max": max(float(numpy.abs(x - y).max() / numpy.abs(y).max()) for x, y in zip(a, b)),
            "rms": max(float(numpy.sqrt(((x - y) ** 2).mean() / (y**2).mean())) for x, y in zip(a, b))}


def compare(model, name, windows):
    with tempfile.TemporaryDirectory() as folder:
        gguf = Path(folder) / f"{name}.gguf"
        peers.printed("convert", model, gguf, "--quantize", name)
        ours = [our_logits(gguf, window, folder) for window in windows]
        floats = [our_logits(gguf, window, folder, "--dtype", "f32") for window in windows]
        theirs = their_logits(gguf, windows)
    perplexities = [float(numpy.exp(numpy.mean([loss(x, w) for x, w in zip(made, windows)]))) for made in (ours, theirs, floats)]
    result = {"ours_theirs": differences(ours, theirs), "ours_floats": differences(ours, floats), "theirs_floats": differences(theirs, floats)}
    result |= dict(zip(("perplexity", "perplexity_llama_cpp", "perplexity_floats"), perplexities))
    pairs = "   ".join(f"{result[key]['max']:.1e} {result[key]['rms']:.1e}" for key in ("ours_theirs", "ours_floats", "theirs_floats"))
    print(f"{name:7}  {pairs}   {'  '.join(f'{value:9.4f}' for value in perplexities)}", flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="storyteller")
    parser.add_argument("--file")
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--windows", type=int, default=4)
    parser.add_argument("--format", choices=FORMATS, action="append", help="all unless named")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/agreement.json")
    arguments = parser.parse_args()
    text = (peers.ROOT / arguments.file).read_text() if arguments.file else "\n".join(
        peers.printed("generate", arguments.model, "-p", "Once upon a time", "--max-new-tokens", 280, "--seed", seed) for seed in range(1, 6))
    ids = json.loads(peers.printed("tokenize", arguments.model, text, "--no-special", "--json"))["ids"]
    windows = [ids[at: at + arguments.tokens] for at in range(0, len(ids) - arguments.tokens + 1, arguments.tokens)][: arguments.windows]
    print("format   ours - llama.cpp   ours - floats     llama.cpp - floats   perplexity: ours, llama.cpp, floats")
    result = {name: compare(arguments.model, name, windows) for name in arguments.format or FORMATS}
    if arguments.keep:
        peers.append_result("agreement", {"versions": peers.versions("llama-cpp-python"), "model": arguments.model, "file": arguments.file, "tokens": arguments.tokens,
                                          "windows": len(windows), "formats": result})


if __name__ == "__main__":
    main()
