"""A Llama's random weights in bf16, for benchmarks: made without PyTorch."""

import json
import struct


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
