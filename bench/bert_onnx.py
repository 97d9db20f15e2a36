"""Writes a BERT encoder of transformers as an ONNX file of the fused ops that ONNX Runtime's own optimiser makes of an exported one."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CONTRIB = "com.microsoft"


class Graph:
    def __init__(self):
        self.nodes, self.weights = [], []

    def weight(self, name, values):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def op(self, kind, inputs, output, domain="", **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output


def bert_graph(state, config):
    """ids and mask, [texts, tokens] of int64 and int32, to `states`, [texts, tokens, width]."""
    graph, epsilon = Graph(), config.layer_norm_eps

    def matrix(name):  # [out, in] to [in, out]
        return graph.weight(name, state[name].T)

    def vector(name):
        return graph.weight(name, state[name])

    def norm(name, x, residual, bias):
        return graph.op("SkipLayerNormalization", [x, residual, vector(f"{name}.weight"), vector(f"{name}.bias"), *bias], f"{name}.out", CONTRIB, epsilon=epsilon)

    def product(name, x):
        return graph.op("MatMul", [x, matrix(f"{name}.weight")], f"{name}.out")

    words = graph.op("Gather", [vector("embeddings.word_embeddings.weight"), "ids"], "words")
    graph.op("Shape", ["ids"], "sizes")
    length = graph.op("Gather", ["sizes", graph.weight("one", np.array([1], np.int64))], "length")
    table = state["embeddings.position_embeddings.weight"] + state["embeddings.token_type_embeddings.weight"][0]  # every text is a first one
    placed = graph.op("Slice", [graph.weight("places", table), graph.weight("first", np.array([0], np.int64)), length], "placed")
    added = graph.op("Add", [words, placed], "added")
    x = graph.op("LayerNormalization", [added, vector("embeddings.LayerNorm.weight"), vector("embeddings.LayerNorm.bias")], "embedded", axis=-1, epsilon=epsilon)
    for layer in range(config.num_hidden_layers):
        at = f"encoder.layer.{layer}."
        parts = [f"{at}attention.self.{name}" for name in ("query", "key", "value")]
        weights = graph.weight(f"{at}qkv.weight", np.concatenate([state[f"{part}.weight"].T for part in parts], axis=1))
        biases = graph.weight(f"{at}qkv.bias", np.concatenate([state[f"{part}.bias"] for part in parts]))
        mixed = graph.op("Attention", [x, weights, biases, "mask"], f"{at}mixed", CONTRIB, num_heads=config.num_attention_heads)
        x = norm(f"{at}attention.output.LayerNorm", product(f"{at}attention.output.dense", mixed), x, [vector(f"{at}attention.output.dense.bias")])
        wide = graph.op("BiasGelu", [product(f"{at}intermediate.dense", x), vector(f"{at}intermediate.dense.bias")], f"{at}wide", CONTRIB)
        x = norm(f"{at}output.LayerNorm", product(f"{at}output.dense", wide), x, [vector(f"{at}output.dense.bias")])
    graph.op("Identity", [x], "states")
    return graph


def write_bert(model, path):
    config = model.config
    if config.hidden_act != "gelu":
        raise ValueError(f"activation {config.hidden_act}: written for gelu alone")
    graph = bert_graph({name: tensor.float().numpy() for name, tensor in model.state_dict().items()}, config)
    sizes = ["texts", "tokens"]
    whole = helper.make_graph(graph.nodes, "bert",
                              [helper.make_tensor_value_info("ids", TensorProto.INT64, sizes), helper.make_tensor_value_info("mask", TensorProto.INT32, sizes)],
                              [helper.make_tensor_value_info("states", TensorProto.FLOAT, [*sizes, config.hidden_size])], graph.weights)
    onnx.save(helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(CONTRIB, 1)], ir_version=8), path)
