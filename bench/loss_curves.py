#!/usr/bin/env python3
"""Loss curves of training in float32 and with products in bf16: the binary beside PyTorch (bf16: autocast), the same first weights and the same batches.

    python3 bench/loss_curves.py [--steps 300] [--batch 4] [--seq 128] [--keep]

A Llama of 15 million parameters learns stories of `orrery corpus stories`, one long text cut in sequences, so that both read the same tokens in the same order; AdamW, one
learning rate, gradients clipped at 1. Nothing is timed. `--keep` appends the result to bench/results/loss_curves.json; bench/report.py makes the page of it.
"""

import argparse
import json
import tempfile
from pathlib import Path

import peers

RATE = 5e-4


def first_weights(folder):
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(vocab_size=4096, hidden_size=288, intermediate_size=768, num_hidden_layers=6, num_attention_heads=6, num_key_value_heads=6, max_position_embeddings=256,
                                      tie_word_embeddings=True, bos_token_id=0, eos_token_id=0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)


def ours(arguments, folder, compute_dtype):
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps({"model": str(folder / "model"), "tokenizer": str(peers.ROOT / "checkpoints/storyteller"), "data": str(folder / "text.jsonl"), "output": str(folder / compute_dtype),
                                  "batch": arguments.batch, "seq": arguments.seq, "max_steps": arguments.steps, "learning_rate": RATE, "schedule": "constant", "clip": 1.0, "log_every": 1,
                                  "compute_dtype": compute_dtype}))
    peers.printed("train", recipe, "--quiet")
    rows = [json.loads(line) for line in (folder / compute_dtype / "log.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row][: arguments.steps]


def torchs(arguments, folder, ids, compute_dtype):
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="sdpa").float()
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    rows, losses = arguments.batch * arguments.seq, []
    for step in range(arguments.steps):
        at = step * rows
        read = torch.tensor(ids[at: at + rows]).reshape(arguments.batch, arguments.seq)
        wanted = torch.tensor(ids[at + 1: at + rows + 1])
        with torch.autocast("cpu", torch.bfloat16, enabled=compute_dtype == "bf16"):
            logits = model(input_ids=read, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), wanted)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
    return losses


def distance(a, b):
    return max(abs(x - y) for x, y in zip(a, b))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seq", type=int, default=128)
    parser.add_argument("--keep", action="store_true", help="append to bench/results/loss_curves.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first_weights(folder / "model")
        peers.printed("corpus", "stories", "--seed", 1, "--count", 3000, "-o", folder / "stories.jsonl")
        text = "\n".join(json.loads(line)["text"] for line in (folder / "stories.jsonl").read_text().splitlines())
        (folder / "text.jsonl").write_text(json.dumps({"text": text}) + "\n")
        (folder / "text.txt").write_text(text)
        ids = json.loads(peers.printed("tokenize", peers.ROOT / "checkpoints/storyteller", "--file", folder / "text.txt", "--json"))["ids"]
        curves = {}
        for dtype in ("f32", "bf16"):
            curves[f"orrery {dtype}"] = ours(arguments, folder, dtype)
            curves[f"torch {dtype}"] = torchs(arguments, folder, ids, dtype)
    marks = sorted({1, *range(50, arguments.steps + 1, 50)})
    peers.print_table(["step", *curves], [[mark, *[f"{losses[mark - 1]:.4f}" for losses in curves.values()]] for mark in marks])
    apart = {f"{a} | {b}": distance(curves[a], curves[b]) for a, b in (("orrery f32", "torch f32"), ("orrery bf16", "torch bf16"), ("orrery bf16", "orrery f32"), ("torch bf16", "torch f32"))}
    print()
    for pair, most in apart.items():
        print(f"{pair}: {most:.4f} nats apart at most")
    if arguments.keep:
        peers.append_result("loss_curves", {"versions": peers.versions("torch", "transformers"), "steps": arguments.steps, "batch": arguments.batch, "seq": arguments.seq, "apart": apart,
                                            "curves": {name: [losses[mark - 1] for mark in marks] for name, losses in curves.items()}, "marks": marks})


if __name__ == "__main__":
    main()
