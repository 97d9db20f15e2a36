"""Fresh random checkpoints of every variant, computed by the binary and by transformers."""

import zlib

import numpy
import pytest
import torch

import orrery
import variants
from variants import VARIANTS

TOLERANCE = 2e-5  # of the largest logit
GENERATING = [name for name, variant in VARIANTS.items() if variant.loss in ("causal", "seq2seq")]
ANSWERING = [name for name, variant in VARIANTS.items() if variant.loss == "seq2seq"]
READING = [name for name in VARIANTS if name not in ANSWERING]


def fresh(name, folder):
    seed = zlib.crc32(name.encode()) % 10_000 + 1000  # never a golden's
    variants.save(name, variants.build(name, seed), folder)
    model = variants.load(folder, VARIANTS[name].architecture)
    return model, variants.sequences(VARIANTS[name].config["vocab_size"], seed)


@pytest.mark.parametrize("name", READING)
@torch.no_grad()
def test_logits_equal_transformers(name, tmp_path):
    model, sequences = fresh(name, tmp_path)
    for ids in sequences:
        out = model(input_ids=ids[None], output_hidden_states=True)
        hidden = orrery.hidden(tmp_path, ids, tmp_path)
        assert orrery.relative_error(hidden, out.hidden_states[-1][0].numpy()) <= TOLERANCE
        if VARIANTS[name].loss != "none":
            logits = orrery.logits(tmp_path, ids, tmp_path)
            assert orrery.relative_error(logits.squeeze(), out.logits[0].squeeze().numpy()) <= TOLERANCE


@pytest.mark.parametrize("name", ANSWERING)
@torch.no_grad()
def test_logits_of_an_answer_equal_transformers(name, tmp_path):
    model, sequences = fresh(name, tmp_path)
    for source, (_, decoder) in zip(sequences, variants.answers(VARIANTS[name], seed=4)):
        out = model(input_ids=source[None], decoder_input_ids=decoder[None], output_hidden_states=True)
        answer = ("--decoder-ids", orrery.comma(decoder))
        hidden = orrery.logits(tmp_path, source, tmp_path, *answer, "--hidden")
        assert orrery.relative_error(hidden, out.decoder_hidden_states[-1][0].numpy()) <= TOLERANCE
        assert orrery.relative_error(orrery.logits(tmp_path, source, tmp_path, *answer), out.logits[0].numpy()) <= TOLERANCE


@pytest.mark.parametrize("name", GENERATING)
def test_greedy_ids_equal_transformers(name, tmp_path):
    model, sequences = fresh(name, tmp_path)
    for ids in sequences:
        expected, lead = variants.greedy(model, ids, variants.GREEDY_TOKENS)
        if lead < 1e-3:  # rounding may decide; the other sequences count
            continue
        made = orrery.generate(tmp_path, ids, variants.GREEDY_TOKENS)
        assert made["ids"] == expected.tolist()
        assert made["prompt_tokens"] == len(ids) and made["generated_tokens"] == variants.GREEDY_TOKENS


@pytest.mark.parametrize("name", ["gpt2", "gpt2-untied-inner", "llama-grouped", "llama-tied", "mixtral-fused", "gemma2", "bert-masked"])
def test_info_counts_parameters_as_transformers_does(name, tmp_path):
    model, _ = fresh(name, tmp_path)
    about = orrery.call_json("info", tmp_path)
    assert about["parameters"] == sum(p.numel() for p in model.parameters())
    assert about["model_type"] == model.config.model_type
    assert about["num_layers"] == model.config.num_hidden_layers
    assert about["num_heads"] == model.config.num_attention_heads
    assert about["hidden_size"] == model.config.hidden_size
    assert about["vocab_size"] == model.config.vocab_size
    assert about["max_positions"] == model.config.max_position_embeddings


@torch.no_grad()
def test_classify_equals_transformers(tmp_path):
    import texts

    model, _ = fresh("bert-sequence", tmp_path)
    tokenizer = texts.write_wordpiece(tmp_path, VARIANTS["bert-sequence"].config["vocab_size"])
    for text in ("the red fox ran", "a cat sat by the sea, and slept"):
        ids = torch.tensor(tokenizer.encode(text).ids)
        scores = model(input_ids=ids[None]).logits[0].softmax(-1)
        made = orrery.call_json("classify", tmp_path, text)
        assert made["label"] == model.config.id2label[int(scores.argmax())]
        assert abs(made["score"] - float(scores.max())) <= 1e-5


@torch.no_grad()
def test_embed_equals_the_mean_of_hidden_states(tmp_path):
    import texts

    model, _ = fresh("bert", tmp_path)
    tokenizer = texts.write_wordpiece(tmp_path, VARIANTS["bert"].config["vocab_size"])
    text = "the red fox ran by the sea"
    ids = torch.tensor(tokenizer.encode(text).ids)
    hidden = model(input_ids=ids[None]).last_hidden_state[0]
    for pooling, expected in (("mean", hidden.mean(0)), ("cls", hidden[0]), ("last", hidden[-1])):
        made = orrery.call_json("embed", tmp_path, text, "--pooling", pooling)["embedding"]
        assert orrery.relative_error(numpy.array(made), expected.numpy()) <= TOLERANCE
        made = orrery.call_json("embed", tmp_path, text, "--pooling", pooling, "--normalize")["embedding"]
        unit = torch.nn.functional.normalize(expected, dim=0)
        assert orrery.relative_error(numpy.array(made), unit.numpy()) <= TOLERANCE


@pytest.mark.parametrize("name", ["gpt2", "llama-grouped"])
@torch.no_grad()
def test_perplexity_equals_transformers(name, tmp_path):
    import texts

    model = variants.build(name, seed=21, vocab_size=300, bos_token_id=0, eos_token_id=0)
    variants.save(name, model, tmp_path)
    tokenizer = texts.write_byte_bpe(tmp_path, 300)
    documents = texts.stories(5, seed=22)
    path = tmp_path / "documents.txt"
    path.write_text("\n====\n".join(documents), encoding="utf-8")
    total, count = 0.0, 0
    for document in documents:
        ids = torch.tensor([0] + tokenizer.encode(document).ids)[: model.config.max_position_embeddings]
        logits = model(input_ids=ids[None]).logits[0, :-1]
        total += float(torch.nn.functional.cross_entropy(logits, ids[1:], reduction="sum"))
        count += len(ids) - 1
    made = orrery.call_json("evaluate", "perplexity", tmp_path, "--file", path, "--separator", "\n====\n")
    made = made.get("scores", made)
    assert (made["tokens"], made["documents"]) == (count, len(documents))
    assert abs(made["loss"] - total / count) <= 1e-5 * total / count
