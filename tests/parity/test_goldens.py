"""The committed goldens are what `make_goldens.py` writes with the pinned versions."""

import json

import pytest
import torch
from safetensors.torch import load_file

import make_goldens

COMMITTED = make_goldens.GOLDENS


def assert_same_tensors(made, committed):
    assert made.keys() == committed.keys()
    for name, tensor in made.items():
        if tensor.is_floating_point():
            bound = 5e-6 * max(1e-6, float(committed[name][committed[name].isfinite()].abs().max()))
            torch.testing.assert_close(tensor, committed[name], rtol=0, atol=bound, msg=lambda text: f"{name}: {text}")
        else:
            assert torch.equal(tensor, committed[name]), name


@pytest.mark.parametrize("name", make_goldens.VARIANTS)
def test_a_checkpoint_can_be_made_again(name, tmp_path, monkeypatch):
    monkeypatch.setattr(make_goldens, "GOLDENS", tmp_path)
    make_goldens.make_checkpoint(name)
    made, committed = sorted((tmp_path / name).iterdir()), sorted((COMMITTED / name).iterdir())
    assert [path.name for path in made] == [path.name for path in committed]
    for new, old in zip(made, committed):
        if new.suffix == ".safetensors":
            assert_same_tensors(load_file(new), load_file(old))
        elif new.name == "config.json":
            assert json.loads(new.read_text()) == json.loads(old.read_text())


def test_the_sampling_cases_can_be_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(make_goldens, "GOLDENS", tmp_path)
    make_goldens.make_sampling()
    name = "sampling/golden.safetensors"
    assert_same_tensors(load_file(tmp_path / name), load_file(COMMITTED / name))
