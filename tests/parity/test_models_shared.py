"""The small trained models: greedy ids, logits, embeddings and loss that were published with them."""

import json

import numpy
import pytest
from safetensors.numpy import load_file

import orrery

MODELS = orrery.SHARED / "models"


def reference(name):
    folder = MODELS / name
    return folder, json.loads((folder / "reference.json").read_text(encoding="utf-8")), load_file(folder / "reference.safetensors")


@pytest.mark.parametrize("name", ["stories260k", "gpt2-sort"])
def test_logits_are_the_published_ones(name, tmp_path):
    folder, about, tensors = reference(name)
    for i in range(2):
        ids = tensors[f"{i}.input_ids"][0]
        assert orrery.relative_error(orrery.logits(folder, ids, tmp_path), tensors[f"{i}.logits"][0]) <= 2e-5


@pytest.mark.parametrize("name", ["stories260k", "gpt2-sort"])
def test_greedy_ids_are_the_published_ones(name):
    folder, about, _ = reference(name)
    for prompt in about["prompts"]:
        expected = prompt["greedy_ids"][len(prompt["input_ids"]):]
        assert orrery.generate(folder, prompt["input_ids"], len(expected))["ids"] == expected


def test_stories_continue_from_text():
    folder, about, _ = reference("stories260k")
    for prompt in about["prompts"]:
        expected = prompt["greedy_ids"][len(prompt["input_ids"]):]
        made = orrery.call_json("generate", folder, "-p", prompt["text"], "--max-new-tokens", len(expected), "--ignore-eos")
        assert made["ids"] == expected
        assert prompt["greedy_text"].endswith(made["text"].strip())


def test_stories_loss_on_the_sample():
    folder, about, _ = reference("stories260k")
    expected = about["loss_on_sample"]
    made = orrery.call_json("evaluate", "perplexity", folder, "--file", orrery.SHARED / "data/text/tinystories-sample.txt",
                            "--separator", "<|endoftext|>")
    made = made.get("scores", made)
    assert made["tokens"] == expected["tokens"] and made["documents"] == expected["stories"]
    assert abs(made["loss"] - expected["value"]) <= 1e-5
    assert abs(made["perplexity"] - numpy.exp(expected["value"])) <= 1e-4


def test_minilm_embeds_sentences_as_published():
    folder, about, tensors = reference("minilm-l6-v2")
    made = []
    for i, text in enumerate(about["texts"]):
        row = orrery.call_json("embed", folder, text["text"], "--pooling", "mean", "--normalize")
        made.append(numpy.array(row["embedding"]))
        assert numpy.abs(made[-1] - tensors[f"{i}.embedding"]).max() <= 1e-4
    cosines = numpy.array(made) @ numpy.array(made).T
    assert numpy.abs(cosines - numpy.array(about["cosine"])).max() <= 2e-4


def test_minilm_hidden_states_are_the_published_ones(tmp_path):
    folder, about, tensors = reference("minilm-l6-v2")
    for i in range(3):
        hidden = orrery.hidden(folder, tensors[f"{i}.input_ids"][0], tmp_path)
        assert orrery.relative_error(hidden, tensors[f"{i}.hidden_states.6"][0]) <= 2e-5


def test_the_random_classifier_gives_the_published_logits(tmp_path):
    folder, _, tensors = reference("fixture-bert-classifier-random")
    made = orrery.logits(folder, tensors["input_ids"][0], tmp_path).squeeze()
    assert orrery.relative_error(made, tensors["logits"][0]) <= 2e-5
