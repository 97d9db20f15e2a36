#!/usr/bin/env python3
"""Writes tests/goldens/gguf/NAME.gguf: checkpoints of tests/goldens as llama.cpp's converter lays them out, matrices in half precision.

    pip install gguf==0.19.0 && python3 tests/parity/make_gguf_goldens.py
"""

import json
import math
import re
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

GOLDENS = Path(__file__).resolve().parent.parent / "goldens"
ARCHITECTURES = {"llama-grouped": gguf.MODEL_ARCH.LLAMA, "llama-rope-llama3": gguf.MODEL_ARCH.LLAMA, "mixtral": gguf.MODEL_ARCH.LLAMA,
                 "gpt2-untied-inner": gguf.MODEL_ARCH.GPT2, "bert": gguf.MODEL_ARCH.BERT, "t5-gated": gguf.MODEL_ARCH.T5}


def interleaved(weight, heads):
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def rope_divisors(rope, head_dim):
    """Llama 3's scaling, as llama.cpp's converter computes it."""
    base, factor, original = rope["rope_theta"], rope["factor"], rope["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    divisors = []
    for i in range(0, head_dim, 2):
        wave = 2 * math.pi * base ** (i / head_dim)
        if wave < original / high:
            divisors.append(1)
        elif wave > original / low:
            divisors.append(factor)
        else:
            smooth = (original / wave - low) / (high - low)
            divisors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(divisors, np.float32)


def parameters(writer, c):
    writer.add_block_count(c.get("num_hidden_layers") or c.get("n_layer") or c["num_layers"])
    writer.add_embedding_length(c.get("hidden_size") or c.get("n_embd") or c["d_model"])
    writer.add_head_count(c.get("num_attention_heads") or c.get("n_head") or c["num_heads"])
    writer.add_feed_forward_length(c.get("intermediate_size") or c.get("n_inner") or c["d_ff"])
    writer.add_context_length(c.get("max_position_embeddings") or c.get("n_positions") or 512)
    if "rms_norm_eps" in c:
        writer.add_layer_norm_rms_eps(c["rms_norm_eps"])
        writer.add_head_count_kv(c["num_key_value_heads"])
        head_dim = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
        writer.add_rope_dimension_count(head_dim)
        writer.add_rope_freq_base(c["rope_parameters"]["rope_theta"])
    if "num_local_experts" in c:
        writer.add_expert_count(c["num_local_experts"])
        writer.add_expert_used_count(c["num_experts_per_tok"])
    if c["model_type"] == "gpt2":
        writer.add_layer_norm_eps(c["layer_norm_epsilon"])
    if c["model_type"] == "bert":
        writer.add_layer_norm_eps(c["layer_norm_eps"])
        writer.add_causal_attention(False)
    if c["model_type"] == "t5":
        writer.add_decoder_block_count(c["num_decoder_layers"])
        writer.add_key_length(c["d_kv"])
        writer.add_layer_norm_rms_eps(c["layer_norm_epsilon"])
        writer.add_relative_attn_buckets_count(c["relative_attention_num_buckets"])
        writer.add_decoder_start_token_id(c["decoder_start_token_id"])
    for role in ("bos", "eos"):
        if isinstance(c.get(f"{role}_token_id"), int):
            getattr(writer, f"add_{role}_token_id")(c[f"{role}_token_id"])


def laid_out(c, weights):
    """Names of Hugging Face's files, values as GGUF has them."""
    merged = {}
    for name, weight in weights.items():
        if name.endswith(("q_proj.weight", "q_proj.bias")):
            weight = interleaved(weight, c["num_attention_heads"])
        if name.endswith(("k_proj.weight", "k_proj.bias")) and c["model_type"] != "bert":
            weight = interleaved(weight, c["num_key_value_heads"])
        if c["model_type"] == "gpt2" and re.search(r"(c_attn|c_proj|c_fc)\.weight$", name):
            weight = weight.T
        if match := re.match(r"(.*block_sparse_moe\.experts\.)(\d+)\.(w\d)\.weight", name):
            merged.setdefault(f"{match[1].replace('block_sparse_moe.experts.', f'block_sparse_moe.experts.{match[3]}')}.weight", {})[int(match[2])] = weight
            continue
        yield name.removeprefix("bert."), weight
    for name, experts in merged.items():
        yield name, np.stack([experts[i] for i in range(len(experts))])


def write(name, architecture):
    c = json.loads((GOLDENS / name / "config.json").read_text())
    weights = load_file(GOLDENS / name / "model.safetensors")
    writer = gguf.GGUFWriter(GOLDENS / "gguf" / f"{name}.gguf", gguf.MODEL_ARCH_NAMES[architecture])
    parameters(writer, c)
    names = gguf.get_tensor_name_map(architecture, 8)
    if c["model_type"] == "t5":
        weights = {key: value for key, value in weights.items() if not key.endswith("embed_tokens.weight")}
    for key, weight in laid_out(c, weights):
        if key.startswith("pooler."):
            continue
        there = names.get_name(key, try_suffixes=(".weight", ".bias"))
        assert there, key
        plain = weight.ndim == 1 or any(word in there for word in ("position_embd", "token_types", "gate_inp", "rel_b"))
        writer.add_tensor(there, np.ascontiguousarray(weight).astype(np.float32 if plain else np.float16))
    if c.get("rope_parameters", {}).get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_divisors(c["rope_parameters"], c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    (GOLDENS / "gguf").mkdir(exist_ok=True)
    for name, architecture in ARCHITECTURES.items():
        write(name, architecture)


main()
