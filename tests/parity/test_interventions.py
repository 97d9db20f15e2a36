"""Ablating, patching and steering do what a hook in PyTorch does to the same place."""

import numpy
import orrery
import pytest
import torch
import variants
from variants import VARIANTS

TOLERANCE = 2e-5  # of the largest logit
LAYER = 1


def parts(name, model):
    """The layer, and the linear layers whose inputs are the heads and the neurons, and whose output is the mlp's."""
    if name.startswith("gpt2"):
        layer = model.transformer.h[LAYER]
        return layer, layer.attn.c_proj, layer.mlp.c_proj, layer.mlp
    if name.startswith("llama"):
        layer = model.model.layers[LAYER]
        return layer, layer.self_attn.o_proj, layer.mlp.down_proj, layer.mlp
    layer = model.bert.encoder.layer[LAYER]
    return layer, layer.attention.output.dense, layer.output.dense, layer.output.dense


def hidden_of(output):
    return output[0] if isinstance(output, tuple) else output


def like(output, hidden):
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden


class Hooked:
    """The logits of a model in which `change(tensor)` edits a place in place."""

    def __init__(self, model, ids):
        self.model, self.ids = model, ids

    def input(self, module, change):
        def hook(_, args):
            changed = args[0].clone()
            change(changed)
            return (changed, *args[1:])
        return self.logits(module.register_forward_pre_hook(hook))

    def output(self, module, change):
        def hook(_, __, output):
            changed = hidden_of(output).clone()
            change(changed)
            return like(output, changed)
        return self.logits(module.register_forward_hook(hook))

    @torch.no_grad()
    def logits(self, handle):
        try:
            return self.model(input_ids=self.ids[None]).logits[0].numpy()
        finally:
            handle.remove()


def seen(model, module, ids):
    """What comes out of a module."""
    kept = []
    handle = module.register_forward_hook(lambda _, __, output: kept.append(hidden_of(output)))
    with torch.no_grad():
        model(input_ids=ids[None])
    handle.remove()
    return kept[0][0]


@pytest.mark.parametrize("name", ["gpt2", "llama-grouped", "bert-masked"])
def test_interventions_equal_hooks(name, tmp_path):
    variants.save(name, variants.build(name, 4711), tmp_path)
    model = variants.load(tmp_path, VARIANTS[name].architecture)
    ids, other = (s[:9] for s in variants.sequences(VARIANTS[name].config["vocab_size"], 4711)[1:])
    layer, heads, neurons, mlp = parts(name, model)
    head_dim = VARIANTS[name].config.get("head_dim", 8)
    hooked = Hooked(model, ids)
    plain = orrery.logits(tmp_path, ids, tmp_path)

    def agrees(expected, *flags):
        made = orrery.logits(tmp_path, ids, tmp_path, *flags)
        assert orrery.relative_error(made, expected) <= TOLERANCE, flags
        assert orrery.relative_error(made, plain) > 100 * TOLERANCE, flags  # it does something

    def zero(rows, columns):
        def change(x):
            x[:, rows, columns] = 0
        return change

    every = slice(None)
    agrees(hooked.input(heads, zero(every, slice(2 * head_dim, 3 * head_dim))), "--ablate", f"layers.{LAYER}.heads.2")
    agrees(hooked.input(heads, zero(slice(2, 5), slice(0, 2 * head_dim))), "--ablate", f"layers.{LAYER}.heads.0-1@2:5")
    agrees(hooked.input(neurons, zero(every, slice(7, 30))), "--ablate", f"layers.{LAYER}.neurons.7-29")
    agrees(hooked.output(mlp, zero(every, every)), "--ablate", f"layers.{LAYER}.mlp")
    agrees(hooked.output(mlp, zero(slice(-1, None), every)), "--ablate", f"layers.{LAYER}.mlp@-1")

    vector = numpy.linspace(-1, 1, 32, dtype=numpy.float32)
    numpy.save(tmp_path / "vector.npy", vector)
    numpy.savez(tmp_path / "vector.npz", **{f"layers.{LAYER}.residual@3": vector})

    def steer(rows):
        def change(x):
            x[:, rows] += 1.5 * torch.from_numpy(vector)
        return change

    site = f"layers.{LAYER}.residual"
    agrees(hooked.output(layer, steer(every)), "--steer", tmp_path / "vector.npy", "--steer-at", site, "--scale", 1.5)
    agrees(hooked.output(layer, steer(3)), "--steer", tmp_path / "vector.npz", "--scale", 1.5)

    source = seen(model, layer, other)
    numpy.savez(tmp_path / "source.npz", **{site: source.numpy()})

    def patch(rows, columns=every):
        def change(x):
            x[:, rows, columns] = source[rows, columns]
        return change

    # The model has no tokenizer, so the text patched from is given as ids.
    for origin in (orrery.comma(other), tmp_path / "source.npz"):
        agrees(hooked.output(layer, patch(slice(4, 7))), "--patch", f"{site}@4:7", "--patch-from", origin)
        agrees(hooked.output(layer, patch(-1)), "--patch", f"{site}@-1", "--patch-from", origin)
