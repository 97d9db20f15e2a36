#!/usr/bin/env python3
"""Reading sentences of mixed length to their states: the binary beside PyTorch and ONNX Runtime, the same weights and tokens, in turns.

    python3 bench/encode.py [--rounds 3] [--texts 256] [--case minilm] [--keep] [--shared ../shared]

`bert-base` has random weights, made once and kept under build/bench-models, `minilm` the real ones of ../shared/models; tokenizers come from there too. The binary pads
nothing; a peer reads texts in order of length, as many together as it is fastest with, padded to the longest of them. Cutting into tokens is not timed. The mean of a
text's states is held against PyTorch's in float32: the least cosine of all texts stands beside the speed. A measurement has a probe of the machine before and after it;
those taken in the slow state are dropped. `--keep` appends the result to bench/results/encode.json; bench/report.py makes the page of it.
"""

import argparse
import random
import re
import shutil
from pathlib import Path

import peers
import prose

# Engines: what runs, with which words.
ENGINES = {
    "orrery f32": ("orrery", ["--dtype", "f32"]),
    "orrery bf16": ("orrery", ["--dtype", "bf16", "--compute-dtype", "bf16"]),
    "orrery q8_0": ("orrery", ["--dtype", "q8_0"]),
    "orrery q8_0 bf16": ("orrery", ["--dtype", "q8_0", "--compute-dtype", "bf16"]),
    "orrery int8": ("orrery", ["--dtype", "int8"]),
    "torch f32": ("torch-encode", ["--dtype", "f32"]),
    "torch bf16": ("torch-encode", ["--dtype", "bf16"]),
    "onnxruntime f32": ("onnx-encode", ["--dtype", "f32"]),
    "onnxruntime int8": ("onnx-encode", ["--dtype", "int8"]),
}
REFERENCE = "torch f32"
# What is compared: ours, with the fastest of these.
PAIRS = (("orrery f32", ("onnxruntime f32",)), ("orrery f32", ("torch f32",)), ("orrery bf16", ("torch bf16", "onnxruntime f32")), ("orrery q8_0", ("onnxruntime int8",)),
         ("orrery q8_0 bf16", ("onnxruntime int8",)), ("orrery int8", ("onnxruntime int8",)))


def sentences(count):
    """English sentences of 20 to 400 characters from the packages' documentation, a line each."""
    path = prose.FOLDER / f"sentences-{count}.txt"
    if not path.exists():
        found = set()
        for paragraph in prose.paragraphs(prose.documentation(), 4e6):
            for sentence in re.split(r"(?<=[.!?])\s+", " ".join(paragraph.split())):
                if 20 <= len(sentence) <= 400 and re.fullmatch(r"[A-Z][A-Za-z0-9 ,;:'\"()-]+[.!?]", sentence):
                    found.add(sentence)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(random.Random(1).sample(sorted(found), count)) + "\n")
    return path


def bert_base(shared):
    folder = peers.weighted_folder("bert-base", "AutoModel")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if (shared / "tokenizers" / "bert-base-uncased" / name).exists():
            shutil.copyfile(shared / "tokenizers" / "bert-base-uncased" / name, folder / name)
    return folder


CASES = {"bert-base": bert_base, "minilm": lambda shared: shared / "models" / "minilm-l6-v2"}


def vectors(name, folder, texts):
    """The means of the states by one engine, [texts, width]."""
    import numpy as np

    engine, words = ENGINES[name]
    path = peers.MODELS / "vectors.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    if engine == "orrery":
        peers.run_measured([peers.BINARY, "embed", folder, "--file", texts, "--lines", "--pooling", "mean", *words, "-o", path], timeout=600)
    else:
        peers.peer(engine, folder, "--texts", texts, "--steps", 1, "--vectors", path, *words)
    return np.load(path).astype(np.float64)


def cosines(folder, texts):
    import numpy as np

    right = vectors(REFERENCE, folder, texts)
    found = {}
    for name in ENGINES:
        made = right if name == REFERENCE else vectors(name, folder, texts)
        cosine = (made * right).sum(axis=1) / (np.linalg.norm(made, axis=1) * np.linalg.norm(right, axis=1))
        found[name] = float(cosine.min())
    return found


def measure(name, folder, texts, arguments, probe):
    engine, words = ENGINES[name]
    before = probe()
    if engine == "orrery":
        result = peers.orrery("bench", folder, "--texts", texts, "--repeat", arguments.steps, "--threads", arguments.threads, *words)
    else:
        result = peers.peer(engine, folder, "--texts", texts, "--steps", arguments.steps, "--threads", arguments.threads, *words)
    after = probe()
    print(f"  {name:17} {result['texts_per_second']:8.1f} texts/s {result['tokens_per_second']:9.0f} tokens/s   probe {before:.0f}, {after:.0f} GFLOP/s", flush=True)
    return result | {"engine": name, "probes": [before, after]}


def compare(case, texts, arguments, probe):
    folder = CASES[case](arguments.shared.resolve())
    print(f"{case}, {len(texts.read_text().splitlines())} sentences", flush=True)
    near = cosines(folder, texts)
    taken = [measure(name, folder, texts, arguments, probe) for _ in range(arguments.rounds) for name in ENGINES]
    tokens = {round(one["tokens_per_second"] / one["texts_per_second"], 3) for one in taken}
    if len(tokens) != 1:
        raise SystemExit(f"the engines did not read the same tokens: {sorted(tokens)} a text")
    engines = {name: {"texts_per_second": peers.summary([one["texts_per_second"] for one in good]), "vm_hwm_bytes": max(one["vm_hwm_bytes"] for one in good), "least_cosine": near[name]}
               for name, good in probe.good_runs(taken, ENGINES).items()}
    speeds = {name: engine["texts_per_second"]["median"] for name, engine in engines.items()}
    ratios = []
    for ours, theirs in PAIRS:
        if ours in speeds and all(name in speeds for name in theirs):
            fastest = max(theirs, key=speeds.get)
            ratios.append({"ours": ours, "peer": fastest, "ratio": speeds[ours] / speeds[fastest]})
    return {"tokens_a_text": tokens.pop(), "engines": engines, "ratios": ratios, "taken": taken}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="passes over all texts in one measurement; the median counts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts", type=int, default=256)
    parser.add_argument("--case", choices=CASES, action="append", help="both unless named")
    parser.add_argument("--shared", type=Path, default=peers.ROOT.parent / "shared")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/encode.json")
    arguments = parser.parse_args()
    probe = peers.Probe(arguments.threads)
    limits = peers.orrery("bench", "machine")
    texts = sentences(arguments.texts)
    cases = {case: compare(case, texts, arguments, probe) for case in arguments.case or CASES}
    print()
    rows = [[case, name, f"{engine['texts_per_second']['median']:.1f}", f"{engine['least_cosine']:.5f}"] for case, result in cases.items() for name, engine in result["engines"].items()]
    peers.print_table(["case", "engine", "texts/s", "least cosine"], rows)
    print()
    peers.print_table(["case", "ours", "peer", "ratio"], [[case, one["ours"], one["peer"], f"{one['ratio']:.2f}"] for case, result in cases.items() for one in result["ratios"]])
    if arguments.keep:
        peers.append_result("encode", {"versions": peers.versions("torch", "transformers", "onnxruntime"), "threads": arguments.threads, "texts": arguments.texts, "limits": limits,
                                       "probe_gflops": probe.best, "cases": cases})


if __name__ == "__main__":
    main()
