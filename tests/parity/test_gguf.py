"""GGUF files that we write, read by the gguf package and by transformers; and back."""

import gguf
import numpy
import pytest
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

import orrery

IDS = [1, 5, 9, 30, 44, 7]
FORMATS = ["q8_0", "q6_k", "q5_k_m", "q5_k", "q5_1", "q5_0", "q4_k_m", "q4_k", "q4_1", "q4_0"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A Llama whose rows are whole blocks of 256, with heads that share keys."""
    folder = tmp_path_factory.mktemp("gguf") / "model"
    torch.manual_seed(3)
    config = LlamaConfig(vocab_size=96, hidden_size=256, intermediate_size=512, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
                         max_position_embeddings=64, rope_theta=50000.0, bos_token_id=1, eos_token_id=2)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def dequantised(path):
    """What the gguf package reads, under its names."""
    return {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(path).tensors}


def test_plain_files_hold_the_weights_to_the_bit(model, tmp_path):
    orrery.call("convert", model, tmp_path / "a.gguf")
    ours, theirs = dequantised(tmp_path / "a.gguf"), load_file(model / "model.safetensors")
    assert len(ours) == len(theirs)
    assert numpy.array_equal(ours["blk.1.ffn_down.weight"].reshape(256, 512), theirs["model.layers.1.mlp.down_proj.weight"])
    turned = theirs["model.layers.1.self_attn.k_proj.weight"].reshape(2, 2, 32, 256).swapaxes(1, 2).reshape(128, 256)
    assert numpy.array_equal(ours["blk.1.attn_k.weight"].reshape(128, 256), turned)


def test_metadata_says_what_the_config_says(model, tmp_path):
    orrery.call("convert", model, tmp_path / "a.gguf", "--quantize", "q4_k_m")
    fields = {name: field.contents() for name, field in gguf.GGUFReader(tmp_path / "a.gguf").fields.items()}
    assert fields["general.architecture"] == "llama" and fields["general.file_type"] == int(gguf.LlamaFileType.MOSTLY_Q4_K_M)
    assert (fields["llama.block_count"], fields["llama.attention.head_count_kv"], fields["llama.rope.freq_base"]) == (4, 2, 50000.0)


@pytest.mark.parametrize("quantisation", FORMATS)
def test_logits_are_those_of_the_dequantised_weights(model, tmp_path, quantisation):
    path = tmp_path / "a.gguf"
    orrery.call("convert", model, path, "--quantize", quantisation)
    assert quantisation.removesuffix("_m") in {t.tensor_type.name.lower() for t in gguf.GGUFReader(path).tensors}
    reference = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="a.gguf", dtype=torch.float32).eval()
    with torch.no_grad():
        expected = reference(torch.tensor([IDS])).logits[0].numpy()
    assert orrery.relative_error(orrery.logits(path, IDS, tmp_path, "--dtype", "f32"), expected) < 1e-4
    assert orrery.relative_error(orrery.logits(path, IDS, tmp_path), expected) < 2e-2   # products of the blocks themselves round the other factor to 8 bits
    orrery.call("convert", path, tmp_path / "folder")
    assert orrery.relative_error(orrery.logits(tmp_path / "folder", IDS, tmp_path), expected) < 1e-4
    with torch.no_grad():
        again = AutoModelForCausalLM.from_pretrained(tmp_path / "folder").eval()(torch.tensor([IDS])).logits[0].numpy()
    assert orrery.relative_error(again, expected) < 1e-4


def test_transformers_reads_the_tokenizer(tmp_path):
    orrery.call("convert", "storyteller", tmp_path / "a.gguf", "--quantize", "q8_0")
    theirs = AutoTokenizer.from_pretrained(tmp_path, gguf_file="a.gguf")
    for text in ("One day, a fox met 12 crows.", "  don't\n\nstop", "naïve 日本 🙂"):
        ours = orrery.call_json("tokenize", tmp_path / "a.gguf", text, "--no-special")["ids"]
        assert ours == theirs(text, add_special_tokens=False)["input_ids"]
        assert ours == orrery.call_json("tokenize", "storyteller", text, "--no-special")["ids"]
