#!/usr/bin/env python3
"""From the start of a process to its first token, with weights packed anew and with packed weights mapped from a file; and its own memory.

    python3 bench/start.py [--rounds 5] [--shape llama-1.1b] [--keep]

Weights are random, in bf16, made once and kept under build/bench-models. All files are in the system's memory when the rounds begin. The prompt
is six ids. Exits 1 where memory differs from the plan by more than 2 % or 8 MB, whichever is more.
"""

import argparse
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import time

import peers

WAYS = {"bf16 weights, f32": [], "bf16 weights and rows": ["--compute-dtype", "bf16"], "q8_0": ["--dtype", "q8_0"]}
PROMPT = ["--prompt-ids", "1,306,4658,278,6593,310"]


def tensors(config):
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    narrow = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    yield "model.embed_tokens.weight", [config["vocab_size"], hidden]
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        yield at + "input_layernorm.weight", [hidden]
        yield at + "post_attention_layernorm.weight", [hidden]
        for name, rows, columns in (("self_attn.q_proj", hidden, hidden), ("self_attn.k_proj", narrow, hidden), ("self_attn.v_proj", narrow, hidden), ("self_attn.o_proj", hidden, hidden),
                                    ("mlp.gate_proj", inner, hidden), ("mlp.up_proj", inner, hidden), ("mlp.down_proj", hidden, inner)):
            yield f"{at}{name}.weight", [rows, columns]
    yield "model.norm.weight", [hidden]
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", [config["vocab_size"], hidden]


def with_weights(folder):
    """Writes a Llama's weights, bf16, drawn from one pool of normal numbers."""
    path = folder / "model.safetensors"
    if path.exists():
        return folder
    import numpy

    draw = numpy.random.default_rng(0)
    pool = ((draw.standard_normal(1 << 24, dtype=numpy.float32) * 0.02).view(numpy.uint32) >> 16).astype(numpy.uint16)
    header, end = {}, 0
    made = list(tensors(json.loads((folder / "config.json").read_text())))
    for name, shape in made:
        size = 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    beside = path.with_suffix(".tmp-write")
    with open(beside, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in made:
            left = int(numpy.prod(shape))
            if len(shape) == 1:
                file.write(numpy.full(left, 0x3F80, numpy.uint16).tobytes())   # 1
                continue
            while left:
                count = min(left, len(pool) - int(draw.integers(1 << 20)))
                file.write(pool[-count:].tobytes())
                left -= count
    beside.replace(path)
    return folder


def seconds(folder, options, cache):
    command = [peers.BINARY, "generate", folder, *PROMPT, "--max-new-tokens", 1, "--ignore-eos", "--json", *options]
    begin = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, env=os.environ | {"ORRERY_PACKED_CACHE": cache})
    return time.perf_counter() - begin, json.loads(done.stdout)["ids"]


def measure(name, folder, cache, rounds):
    options = WAYS[name]
    expected = seconds(folder, options, "")[1]
    if seconds(folder, options, cache)[1] != expected:           # writes the file
        sys.exit(f"{name}: other tokens")
    taken = {"packed": [], "mapped": []}
    for _ in range(rounds):
        for way, where in (("packed", ""), ("mapped", cache)):
            spent, ids = seconds(folder, options, where)
            taken[way].append(spent)
            if ids != expected:
                sys.exit(f"{name}, {way}: other tokens")
    os.environ["ORRERY_PACKED_CACHE"] = cache
    made = peers.orrery("bench", folder, *options, "--prompt-tokens", 256, "--new-tokens", 1, "--batch", 1, "--repeat", 1)
    del os.environ["ORRERY_PACKED_CACHE"]
    return {way: {"least": min(all_), "median": statistics.median(all_), "runs": len(all_)} for way, all_ in taken.items()} | {
        "planned_bytes": made["peak_bytes"], "own_bytes": made["own_bytes"], "mapped_bytes": made["mapped_bytes"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shape", default="llama-1.1b")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/start.json")
    arguments = parser.parse_args()
    folder = with_weights(peers.model_folder(arguments.shape))
    cache = folder / "packed"
    shutil.rmtree(cache, ignore_errors=True)
    os.environ.pop("ORRERY_PACKED_CACHE", None)
    cases = {name: measure(name, folder, str(cache), arguments.rounds) for name in WAYS}
    shutil.rmtree(cache)
    rows, held = [], True
    for name, case in cases.items():
        within = abs(case["own_bytes"] - case["planned_bytes"]) <= max(0.02 * case["planned_bytes"], 8e6)
        held = held and within
        rows.append([name, *[f"{case[way]['least']:.2f} ({case[way]['median']:.2f})" for way in ("packed", "mapped")], f"{case['planned_bytes'] / 1e6:.1f}",
                     f"{case['own_bytes'] / 1e6:.1f}", f"{case['mapped_bytes'] / 1e6:.0f}", "yes" if within else "NO"])
    peers.print_table(["products", "packed s (median)", "mapped s (median)", "planned MB", "taken MB", "mapped MB", "within"], rows)
    if arguments.keep:
        peers.append_result("start", {"versions": peers.versions(), "shape": arguments.shape, "cases": cases})
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
