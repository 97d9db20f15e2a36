"""What the binary trains and saves, transformers loads and computes alike."""

import json

import pytest
import torch
import transformers

import orrery
import texts
import variants

# The variant to start from, its vocabulary, its tokenizer, and what is learned.
RUNS = {
    "gpt2": (300, texts.write_byte_bpe, "causal"),
    "gpt2-untied-inner": (300, texts.write_byte_bpe, "causal"),
    "llama-grouped": (300, texts.write_byte_bpe, "causal"),
    "llama-tied": (300, texts.write_byte_bpe, "causal"),
    "mixtral": (300, texts.write_byte_bpe, "causal"),
    "mixtral-fused": (300, texts.write_byte_bpe, "causal"),
    "bert-masked": (96, texts.write_wordpiece, "masked"),
    "t5-gated": (96, None, "seq2seq"),
    "pegasus": (96, None, "seq2seq"),
}
STEPS = 6


def train(name, folder):
    vocab_size, write_tokenizer, objective = RUNS[name]
    start, output, corpus = folder / "start", folder / "trained", folder / "corpus.txt"
    special = {"bos_token_id": 0, "eos_token_id": 0} if objective == "causal" else {}
    variants.save(name, variants.build(name, seed=11, vocab_size=vocab_size, **special), start)
    if write_tokenizer:
        write_tokenizer(start, vocab_size)
        corpus.write_text("\n".join(texts.stories(200, seed=9)) + "\n", encoding="utf-8")
    else:  # sequences of ids, and the same backwards
        corpus = corpus.with_suffix(".jsonl")
        sources = [[2 + (7 * i + k * k) % 90 for k in range(3 + i % 9)] for i in range(200)]
        corpus.write_text("".join(json.dumps({"input": ids, "target": ids[::-1]}) + "\n" for ids in sources))
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps({"model": str(start), "data": str(corpus), "objective": objective, "output": str(output),
                                  "batch": 4, "seq": 24, "max_steps": STEPS, "learning_rate": 1e-3, "seed": 3,
                                  "log_every": 1}))
    return output, orrery.call_json_lines("train", recipe)


@pytest.mark.parametrize("name", RUNS)
@torch.no_grad()
def test_a_trained_checkpoint_loads_in_transformers(name, tmp_path):
    output, rows = train(name, tmp_path)
    steps = [row for row in rows if "loss" in row and "step" in row]
    assert steps and all(0 < row["loss"] < 20 for row in steps)

    architecture = variants.VARIANTS[name].architecture
    family = getattr(transformers, architecture)
    model, report = family.from_pretrained(output, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    start = variants.load(tmp_path / "start", architecture)
    assert model.config.to_dict().keys() >= start.config.to_dict().keys() - {"transformers_version", "_name_or_path"}
    moved = [k for k, v in model.state_dict().items() if not torch.equal(v, start.state_dict()[k])]
    assert len(moved) > len(start.state_dict()) // 2

    model.eval()
    answers = variants.answers(variants.VARIANTS[name], seed=12) if model.config.is_encoder_decoder else None
    for ids in variants.sequences(RUNS[name][0], seed=12):
        decoder = next(answers)[1] if answers else None
        expected = model(input_ids=ids[None], **({"decoder_input_ids": decoder[None]} if answers else {})).logits[0].numpy()
        more = ("--decoder-ids", orrery.comma(decoder)) if answers else ()
        assert orrery.relative_error(orrery.logits(output, ids, tmp_path, *more), expected) <= 2e-5


def test_a_trained_tokenizer_goes_with_the_checkpoint(tmp_path):
    output, _ = train("gpt2", tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(output)
    text = texts.stories(1, seed=10)[0]
    assert orrery.call_json("tokenize", output, text)["ids"] == tokenizer(text)["input_ids"]
