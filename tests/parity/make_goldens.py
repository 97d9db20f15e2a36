#!/usr/bin/env python3
"""Writes tests/goldens: tiny random checkpoints and what transformers computes from them. Format: tests/goldens/README.md.

    python3 tests/parity/make_goldens.py [NAME ...]
"""

import json
import math
import platform
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers.generation import logits_process as processors

import bahdanau
import variants
from variants import VARIANTS

GOLDENS = Path(__file__).resolve().parent.parent / "goldens"
VERSIONS = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}


def f32(tensor):
    return tensor.detach().to(torch.float32).contiguous().clone()


def answered(variant, model, seed):
    """The same of an encoder-decoder."""
    stored, total, count = {}, 0.0, 0
    ids = variants.sequences(variant.config["vocab_size"], seed)
    for i, (source, (wanted, decoder)) in enumerate(zip(ids, variants.answers(variant, seed))):
        out = model(input_ids=source[None], decoder_input_ids=decoder[None], output_hidden_states=True, output_attentions=True)
        stored |= {f"{i}.input_ids": source, f"{i}.decoder_input_ids": decoder, f"{i}.labels": wanted,
                   f"{i}.logits": f32(out.logits[0]), f"{i}.last_hidden_state": f32(out.decoder_hidden_states[-1][0]),
                   f"{i}.encoder_last_hidden_state": f32(out.encoder_last_hidden_state[0])}
        if i == 0:
            for side in ("encoder_attentions", "decoder_attentions", "cross_attentions"):
                stored |= {f"0.{side}.{k}": f32(pattern[0]) for k, pattern in enumerate(out[side])}
        loss, targets = variants.summed_loss(variant, out.logits[0], wanted)
        total, count = total + loss, count + targets
    return stored, total, count


def outputs(variant, model, seed):
    """All outputs of the three sequences, each run alone, and the loss over all of them."""
    if variant.loss == "seq2seq":
        return answered(variant, model, seed)
    stored, total, count, routers = {}, 0.0, 0, []
    for i, ids in enumerate(variants.sequences(variant.config["vocab_size"], seed)):
        stored[f"{i}.input_ids"] = ids
        inputs = {"input_ids": ids[None]}
        if variant.architecture.startswith("Bert"):
            stored[f"{i}.token_type_ids"] = variants.token_types(ids, i)
            inputs["token_type_ids"] = stored[f"{i}.token_type_ids"][None]
        if variant.architecture.startswith("Mixtral"):
            inputs["output_router_logits"] = True
        out = model(**inputs, output_hidden_states=True, output_attentions=True)
        for k, hidden in enumerate(out.hidden_states):
            stored[f"{i}.hidden_states.{k}"] = f32(hidden[0])
        stored[f"{i}.last_hidden_state"] = f32(out.hidden_states[-1][0])
        if i == 0:
            for k, pattern in enumerate(out.attentions):
                stored[f"{i}.attentions.{k}"] = f32(pattern[0])
        if variant.loss == "none":
            stored[f"{i}.pooler_output"] = f32(out.pooler_output[0])
            continue
        stored[f"{i}.logits"] = f32(out.logits[0])
        stored[f"{i}.labels"] = variants.labels(variant, ids, i, seed)
        rows = out.logits if variant.loss == "sequence_classification" else out.logits[0]
        loss, targets = variants.summed_loss(variant, rows, stored[f"{i}.labels"])
        total, count = total + loss, count + targets
        if "router_logits" in out:
            routers.append(out.router_logits)
    if routers:
        total = total + count * variants.balance_loss(model, routers)
    return stored, total, count


def gradients(variant, model, folder, seed):
    """Outputs in `stored`, with the mean loss and the gradient of every parameter."""
    model.zero_grad(set_to_none=True)
    stored, total, count = outputs(variant, model, seed)
    if variant.loss != "none":
        loss = total / count
        loss.backward()
        stored["loss"] = f32(loss).reshape(1)
        for name, parameter in variants.parameter_names(model, folder).items():
            gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
            for filed, part in variants.as_filed(name, gradient):
                stored[f"grad.{filed}"] = f32(part)
    return stored, count


def spread(exact, rounded, prefix):
    """Largest distance of the float32 run from the float64 one, over each tensor's largest value."""
    worst = 0.0
    for name, value in exact.items():
        if name.startswith(prefix) and value.is_floating_point() and float(value.abs().max()) > 1e-6:
            worst = max(worst, float((value - rounded[name]).abs().max() / value.abs().max()))
    return worst


def make_checkpoint(name):
    variant, folder = VARIANTS[name], GOLDENS / name
    for seed in range(1 + variants.NUMBERED.index(name), 1000, 50):
        model = variants.build(name, seed)
        ids = variants.sequences(variant.config["vocab_size"], seed)
        continued = [variants.greedy(model, s, variants.GREEDY_TOKENS) for s in ids] if variant.loss in ("causal", "seq2seq") else []
        if all(lead > 2e-3 for _, lead in continued):
            break
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    variants.save(name, model, folder)
    loaded = variants.load(folder, variant.architecture)
    made, read = outputs(variant, model, seed)[0], outputs(variant, loaded, seed)[0]
    # Some processors' matrix products round differently where a weight begins elsewhere in memory.
    assert all(torch.allclose(made[k].double(), read[k].double(), rtol=1e-5, atol=1e-6) for k in made), "the file does not hold what was made"
    model = loaded
    rounded, _ = gradients(variant, model, folder, seed)
    stored, count = gradients(variant, model.double(), folder, seed)
    for i, (continuation, _) in enumerate(continued):
        stored[f"{i}.greedy_ids"] = continuation
    save_file(stored, folder / "golden.safetensors")
    about = {
        "architecture": variant.architecture,
        "loss": variant.loss,
        "targets": count,
        "seed": seed,
        "float32_error": {"logits": spread(stored, rounded, ("0.logits", "1.logits", "2.logits")),
                          "gradients": spread(stored, rounded, "grad.")},
        "versions": VERSIONS,
    }
    if continued:
        about["smallest_greedy_lead"] = min(lead for _, lead in continued)
    (folder / "golden.json").write_text(json.dumps(about, indent=2) + "\n")
    print(name, seed, about["float32_error"], about.get("smallest_greedy_lead"), flush=True)


def make_adamw():
    """Twenty steps of AdamW from the `gpt2` golden's weights on its three sequences."""
    start = GOLDENS / "gpt2"
    seed = json.loads((start / "golden.json").read_text())["seed"]
    variant, steps, warmup = VARIANTS["gpt2"], 20, 4
    hyper = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1, "max_grad_norm": 1.0,
             "warmup_steps": warmup, "steps": steps, "schedule": "cosine", "decayed": "parameters of two axes"}

    def train(dtype):
        model = variants.load(start, variant.architecture).to(dtype)
        named = variants.parameter_names(model, start)
        groups = [{"params": [p for p in named.values() if p.dim() == 2], "weight_decay": hyper["weight_decay"]},
                  {"params": [p for p in named.values() if p.dim() != 2], "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(groups, lr=hyper["learning_rate"], betas=(0.9, 0.999), eps=1e-8)
        schedule = transformers.get_cosine_schedule_with_warmup(optimiser, warmup, steps)
        trace = {"losses": [], "grad_norms": [], "learning_rates": []}
        for _ in range(steps):
            optimiser.zero_grad()
            _, total, count = outputs(variant, model, seed)
            (total / count).backward()
            trace["losses"].append(float(total / count))
            trace["grad_norms"].append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), hyper["max_grad_norm"])))
            trace["learning_rates"].append(schedule.get_last_lr()[0])
            optimiser.step()
            schedule.step()
        return {k: torch.tensor(v, dtype=torch.float32) for k, v in trace.items()}, {k: f32(v) for k, v in named.items()}

    (trace, exact), (rounded_trace, rounded) = train(torch.float64), train(torch.float32)
    folder = GOLDENS / "adamw"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    save_file(trace | {f"param.{k}": v for k, v in exact.items()}, folder / "golden.safetensors")
    distance = {k: float((exact[k] - rounded[k]).abs().max()) for k in exact}
    about = {"starts_from": "../gpt2", "sequences_per_step": 3, **hyper,
             "float32_error": {"losses": float((trace["losses"] - rounded_trace["losses"]).abs().max()),
                               "parameters": distance},
             "versions": VERSIONS}
    (folder / "golden.json").write_text(json.dumps(about, indent=2) + "\n")
    print("adamw", trace["losses"][[0, -1]].tolist(), about["float32_error"]["losses"], max(distance.values()))


BAHDANAU = {"model_type": "bahdanau", "architectures": ["BahdanauForConditionalGeneration"], "vocab_size": 96, "hidden_size": 12,
            "embedding_size": 10, "alignment_size": 8, "maxout_size": 9, "num_hidden_layers": 1, "num_attention_heads": 1,
            "max_position_embeddings": 64, "is_encoder_decoder": True, "decoder_start_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
            "dtype": "float32"}


def make_bahdanau():
    """Three pairs of texts of different lengths, each alone, through the PyTorch program of bahdanau.py."""
    lengths = ((5, 7), (11, 1), (3, 12))
    for seed in range(1, 1000):
        model = bahdanau.Bahdanau(BAHDANAU)
        variants.randomise(model, seed)
        with torch.no_grad():
            model.decoder.attention.v.mul_(5)  # an alignment that is not flat, and that matters: gradients well above rounding
            model.decoder.readout.context.weight.mul_(8)
        generator = torch.Generator().manual_seed(seed)
        pairs = [[torch.randint(3, BAHDANAU["vocab_size"], (n,), generator=generator) for n in pair] for pair in lengths]
        continued = [model.greedy(source, 1, variants.GREEDY_TOKENS) for source, _ in pairs]
        if all(lead > 2e-3 for _, lead in continued):
            break
    folder = GOLDENS / "bahdanau"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    save_file({k: f32(v) for k, v in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(BAHDANAU, indent=2) + "\n")
    stored, total, count = {}, 0.0, 0
    model = model.double()
    for i, (source, target) in enumerate(pairs):
        ids = torch.cat([torch.tensor([1]), target])
        labels = torch.cat([target, torch.tensor([2])])
        logits, alignment, hidden = model(source, ids)
        stored |= {f"{i}.encoder_last_hidden_state": f32(model.encode(source)[0]), f"{i}.last_hidden_state": f32(hidden)}
        stored |= {f"{i}.input_ids": source, f"{i}.decoder_input_ids": ids, f"{i}.labels": labels, f"{i}.logits": f32(logits),
                   f"{i}.cross_attentions.0": f32(alignment)[None], f"{i}.greedy_ids": continued[i][0]}
        total = total + torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        count += len(labels)
    (total / count).backward()
    stored["loss"] = f32(total / count).reshape(1)
    stored |= {f"grad.{name}": f32(p.grad) for name, p in model.named_parameters()}
    save_file(stored, folder / "golden.safetensors")
    about = {"loss": "seq2seq", "targets": count, "seed": seed, "smallest_greedy_lead": min(lead for _, lead in continued), "versions": VERSIONS}
    (folder / "golden.json").write_text(json.dumps(about, indent=2) + "\n")
    print("bahdanau", seed, about["smallest_greedy_lead"])


def filtered(logits, ids, case):
    """transformers' chain in the order of `generate`; probabilities in float64."""
    chain = processors.LogitsProcessorList()
    if case.get("repetition_penalty", 1.0) != 1.0:
        chain.append(processors.RepetitionPenaltyLogitsProcessor(case["repetition_penalty"]))
    if case.get("temperature", 1.0) != 1.0:
        chain.append(processors.TemperatureLogitsWarper(case["temperature"]))
    if case.get("top_k", 0) > 0:
        chain.append(processors.TopKLogitsWarper(case["top_k"]))
    if case.get("top_p", 1.0) < 1.0:
        chain.append(processors.TopPLogitsWarper(case["top_p"]))
    return chain(ids[None], logits[None].clone())[0].double().softmax(-1)


def sampling_cases():
    options = [{}]
    options += [{"temperature": t} for t in (0.1, 0.5, 0.8, 1.5, 10.0)]
    options += [{"top_k": k} for k in (1, 2, 10, 50, 200)]
    options += [{"top_p": p} for p in (0.05, 0.3, 0.9, 0.99, 1.0)]
    options += [{"repetition_penalty": r} for r in (0.7, 1.1, 2.0)]
    options += [{"temperature": 0.8, "top_k": 20}, {"temperature": 1.3, "top_p": 0.8}, {"top_k": 5, "top_p": 0.7},
                {"temperature": 0.7, "top_k": 40, "top_p": 0.95},
                {"temperature": 0.7, "top_k": 12, "top_p": 0.9, "repetition_penalty": 1.3},
                {"temperature": 2.0, "top_k": 3, "top_p": 0.2, "repetition_penalty": 0.9}]
    return options


def sampling_rows():
    generator = torch.Generator().manual_seed(5)

    def normal(scale):
        return scale * torch.randn(50, generator=generator)

    rows = {"flat": normal(0.5), "usual": normal(2.0), "peaked": normal(6.0)}
    rows["ties"] = (normal(2.0) * 2).round() / 2  # many equal logits
    rows["equal"] = torch.zeros(50)
    rows["extreme"] = normal(2.0)
    rows["extreme"][:6] = torch.tensor([1e4, 8e3, -1e4, 9e3, -1e30, -3e38])
    rows["masked"] = normal(1.5)
    rows["masked"][::3] = -math.inf
    return rows


def top_p_is_settled(logits, ids, case):
    """Whether rounding or the order of equal logits could change what top-p keeps."""
    if case.get("top_p", 1.0) >= 1.0:
        return True
    before = filtered(logits, ids, {k: v for k, v in case.items() if k != "top_p"})
    values = before.sort().values
    if float((values.cumsum(0) - (1 - case["top_p"])).abs().min()) < 1e-5:
        return False
    kept = filtered(logits, ids, case) > 0
    return not kept.all() and not (before[~kept].max() == before[kept].min()) or bool(kept.all())


def make_sampling():
    generator = torch.Generator().manual_seed(6)
    tensors, cases = {}, []
    for row, logits in sampling_rows().items():
        ids = torch.randint(0, 50, (12,), generator=generator)
        ids[3] = ids[7]
        ids[5] = int(logits.argmax())
        tensors[f"{row}.logits"] = logits.float()
        tensors[f"{row}.ids"] = ids
        for case in sampling_cases():
            if top_p_is_settled(logits, ids, case):
                name = f"{len(cases)}.probs"
                tensors[name] = filtered(logits, ids, case).float()
                cases.append({"row": row, **case, "probs": name})
    folder = GOLDENS / "sampling"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    save_file(tensors, folder / "golden.safetensors")
    about = {"order": ["repetition_penalty", "temperature", "top_k", "top_p"], "cases": cases, "versions": VERSIONS}
    (folder / "golden.json").write_text(json.dumps(about, indent=1) + "\n")
    print("sampling", len(cases))


def main():
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or [*VARIANTS, "adamw", "sampling", "bahdanau"]
    for name in wanted:
        {"adamw": make_adamw, "sampling": make_sampling, "bahdanau": make_bahdanau}.get(name, lambda: make_checkpoint(name))()


if __name__ == "__main__":
    main()
