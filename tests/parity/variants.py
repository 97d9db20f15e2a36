"""Tiny random checkpoints of each family: what the goldens store and what the parity tests make afresh.

    model = build("llama-grouped", seed=7)           # a transformers model, float32, eval mode
    save("llama-grouped", model, folder)             # config.json, model.safetensors, as a user would have them

Every parameter is random, norms and biases too, so that a gradient, a bias or a scale that is forgotten shows.
"""

import copy
import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
warnings.filterwarnings("ignore")

IGNORED = -100  # a label that is not scored
LENGTHS = (5, 11, 17)  # tokens of the three sequences
ANSWER_LENGTHS = (9, 4, 13)  # and of what an encoder-decoder writes of them
GREEDY_TOKENS = 12


@dataclass(frozen=True)
class Variant:
    architecture: str  # transformers' class
    config: dict
    loss: str  # causal | masked | sequence_classification | token_classification | seq2seq | none
    dtype: torch.dtype = torch.float32  # how the file stores the weights; they are computed with in float32
    shard_bytes: int = 0  # 0: one file
    rope_scaling: dict = field(default_factory=dict)  # written as top-level keys, as in files before transformers 5
    fused_experts: bool = False  # the file has the names of the modules: all experts of a layer in one tensor


GPT2 = dict(vocab_size=96, n_positions=40, n_embd=32, n_layer=2, n_head=4, bos_token_id=95, eos_token_id=95)
LLAMA = dict(vocab_size=96, max_position_embeddings=64, hidden_size=32, intermediate_size=56, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=4, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
             tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 10000.0})
MIXTRAL = LLAMA | dict(hidden_size=24, intermediate_size=20, num_key_value_heads=2, num_local_experts=4,
                       num_experts_per_tok=2, sliding_window=None, router_aux_loss_coef=0.1)
GEMMA2 = dict(vocab_size=96, max_position_embeddings=64, hidden_size=24, intermediate_size=40, num_hidden_layers=3,
              num_attention_heads=4, num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=20, sliding_window=4,
              attn_logit_softcapping=1.5, final_logit_softcapping=4.0)
MPT = dict(vocab_size=96, d_model=24, n_heads=4, n_layers=2, max_seq_len=64)
BERT = dict(vocab_size=96, max_position_embeddings=40, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, type_vocab_size=2, hidden_act="gelu", pad_token_id=0)

T5 = dict(vocab_size=96, d_model=32, d_kv=6, d_ff=40, num_layers=2, num_decoder_layers=3, num_heads=4, decoder_start_token_id=0,
          relative_attention_num_buckets=8, relative_attention_max_distance=12, dropout_rate=0.1, feed_forward_proj="relu")
PEGASUS = dict(vocab_size=96, d_model=32, encoder_layers=2, decoder_layers=3, encoder_attention_heads=4, decoder_attention_heads=4,
               encoder_ffn_dim=40, decoder_ffn_dim=48, activation_function="gelu", scale_embedding=True, max_position_embeddings=40,
               decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, forced_eos_token_id=None)

LLAMA3_SCALING = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                  "original_max_position_embeddings": 32}
# With base 100 and head_dim 8 the wavelengths are 6, 20, 63, 199: one below 32 / 4, one between, two above 32.
LLAMA3_ROPE = {"rope_theta": 100.0, **LLAMA3_SCALING}
LINEAR_ROPE = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}


def gpt2(**config):
    return Variant("GPT2LMHeadModel", GPT2 | config, "causal")


def llama(dtype=torch.float32, shard_bytes=0, rope_scaling=None, **config):
    return Variant("LlamaForCausalLM", LLAMA | config, "causal", dtype, shard_bytes, rope_scaling or {})


def mixtral(fused_experts=False, **config):
    return Variant("MixtralForCausalLM", MIXTRAL | config, "causal", fused_experts=fused_experts)


def gemma2(**config):
    return Variant("Gemma2ForCausalLM", GEMMA2 | config, "causal")


def mpt(**config):
    return Variant("MptForCausalLM", MPT | config, "causal")


def bert(architecture, loss, **config):
    return Variant(architecture, BERT | config, loss)


def t5(**config):
    return Variant("T5ForConditionalGeneration", T5 | config, "seq2seq")


def pegasus(**config):
    return Variant("PegasusForConditionalGeneration", PEGASUS | config, "seq2seq")


VARIANTS = {
    "gpt2": gpt2(),
    "gpt2-untied-inner": gpt2(n_inner=44, tie_word_embeddings=False, n_embd=24, n_layer=3, n_head=2),
    "gpt2-gelu": gpt2(activation_function="gelu", n_embd=24, n_head=3),
    "gpt2-relu": gpt2(activation_function="relu", n_embd=24, n_head=3),
    "gpt2-inverse-layer": gpt2(scale_attn_by_inverse_layer_idx=True, n_embd=24, n_layer=3),
    "gpt2-unscaled": gpt2(scale_attn_weights=False, n_embd=24, n_head=6, layer_norm_epsilon=1e-3),
    "llama": llama(),
    "llama-grouped": llama(num_key_value_heads=2, head_dim=12),
    "llama-tied": llama(num_key_value_heads=1, tie_word_embeddings=True),
    "llama-bias": llama(attention_bias=True, mlp_bias=True, num_key_value_heads=2),
    "llama-theta": llama(rope_parameters={"rope_type": "default", "rope_theta": 500000.0}, rms_norm_eps=1e-6),
    "llama-rope-llama3": llama(rope_parameters=LLAMA3_ROPE, hidden_size=24, head_dim=8),
    "llama-rope-llama3-legacy": llama(rope_parameters=LLAMA3_ROPE, hidden_size=24, head_dim=8,
                                      rope_scaling=LLAMA3_SCALING),
    "llama-rope-linear": llama(rope_parameters=LINEAR_ROPE, hidden_size=24, head_dim=6),
    "llama-rope-linear-legacy": llama(rope_parameters=LINEAR_ROPE, hidden_size=24, head_dim=6,
                                      rope_scaling={"type": "linear", "factor": 2.5}),
    "llama-bf16": llama(dtype=torch.bfloat16, num_key_value_heads=2),
    "llama-sharded": llama(shard_bytes=30_000, hidden_size=24, head_dim=6, num_hidden_layers=3),
    "mixtral": mixtral(),
    "mixtral-window": mixtral(sliding_window=4, num_local_experts=3, num_experts_per_tok=1, head_dim=12),
    "mixtral-fused": mixtral(fused_experts=True, num_local_experts=5, num_experts_per_tok=3),
    "gemma2": gemma2(),
    "gemma2-layers": gemma2(layer_types=["full_attention", "sliding_attention", "sliding_attention"], attn_logit_softcapping=None,
                            final_logit_softcapping=None, attention_bias=True, tie_word_embeddings=False),
    "mpt": mpt(),
    "mpt-heads": mpt(n_heads=6, tie_word_embeddings=False, layer_norm_epsilon=1e-3, attn_config={"softmax_scale": 0.3}),
    "t5": t5(),
    "t5-gated": t5(feed_forward_proj="gated-gelu", d_model=24, tie_word_embeddings=False),
    "pegasus": pegasus(),
    "pegasus-untied": pegasus(tie_word_embeddings=False, scale_embedding=False, activation_function="relu"),
    "bert": bert("BertModel", "none"),
    "bert-masked": bert("BertForMaskedLM", "masked"),
    "bert-masked-relu": bert("BertForMaskedLM", "masked", hidden_act="relu", hidden_size=24, num_attention_heads=3),
    "bert-sequence": bert("BertForSequenceClassification", "sequence_classification", num_labels=3,
                          hidden_act="gelu_new", hidden_size=24, layer_norm_eps=1e-6),
    "bert-token": bert("BertForTokenClassification", "token_classification", num_labels=5, hidden_size=24),
}
# The number of a variant chooses its seed. Those that came later stand behind, so that the others keep theirs.
LATER = ["gemma2", "gemma2-layers", "mpt", "mpt-heads"]
NUMBERED = sorted(set(VARIANTS) - set(LATER)) + LATER
VARIANTS["bert-sequence"].config["id2label"] = {0: "negative", 1: "neutral", 2: "positive"}
VARIANTS["bert-sequence"].config["label2id"] = {"negative": 0, "neutral": 1, "positive": 2}
del VARIANTS["bert-sequence"].config["num_labels"]


def randomise(model, seed):
    """Matrices N(0, 0.2), embeddings N(0, 0.3), biases N(0, 0.2), norm weights N(1, 0.2)."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1 and name.endswith("weight"):
                parameter.copy_(1 + 0.2 * noise)
            elif "embedding" in name or "embed_" in name or "wte" in name or "wpe" in name:
                parameter.copy_(0.3 * noise)
            else:
                parameter.copy_(0.2 * noise)
        for name, buffer in model.named_buffers():
            if name == "final_logits_bias":
                buffer.copy_(0.2 * torch.randn(buffer.shape, generator=generator))


def build(name, seed, **changes):
    variant = VARIANTS[name]
    family = getattr(transformers, variant.architecture)
    config = family.config_class(**variant.config | changes)
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"  # the others refuse float64
    model = family(config).eval()
    randomise(model, seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(variant.dtype))  # rounded to what the file can hold
    return model


def save(name, model, folder):
    variant = VARIANTS[name]
    shards = {"max_shard_size": variant.shard_bytes} if variant.shard_bytes else {}
    copy.deepcopy(model).to(variant.dtype).save_pretrained(folder, **shards)
    if variant.fused_experts:
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, Path(folder) / "model.safetensors")
    if variant.rope_scaling:
        path = Path(folder) / "config.json"
        config = json.loads(path.read_text())
        config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
        config["rope_scaling"] = variant.rope_scaling
        config["torch_dtype"] = config.pop("dtype")
        path.write_text(json.dumps(config, indent=2) + "\n")


def load(folder, architecture):
    family = getattr(transformers, architecture)
    model = family.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager")
    return model.eval()


def as_filed(name, tensor):
    """A parameter as files have it: under its own name, or, of Mixtral's experts, one tensor for each expert and matrix."""
    if ".mlp.experts." not in name:
        yield name.replace(".mlp.gate.", ".block_sparse_moe.gate."), tensor
        return
    layer, matrix = name.split(".mlp.experts.")
    for expert, weight in enumerate(tensor):
        at = f"{layer}.block_sparse_moe.experts.{expert}"
        parts = {"w2": weight} if matrix == "down_proj" else dict(zip(("w1", "w3"), weight.chunk(2)))
        for part, value in parts.items():
            yield f"{at}.{part}.weight", value


def parameter_names(model, folder):
    """The model's parameters by name, a tied one once: each stands in the file, as it is or as filed."""
    stored = set()
    for path in Path(folder).glob("model*.safetensors"):
        with safe_open(path, "pt") as file:
            stored.update(file.keys())
    named, found = {}, set()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        filed = {name} if name in stored else {n for n, _ in as_filed(name, parameter)}
        if filed <= stored:
            named[name] = parameter
            found |= filed
    found |= {name for name, _ in model.named_buffers() if name in stored}
    missing = {id(p) for p in model.parameters()} - {id(p) for p in named.values()}
    assert not missing and found == stored, (stored ^ found, len(missing))
    return named


def sequences(vocab_size, seed):
    """Three lists of ids of different lengths; the later ones repeat an id and a bigram."""
    generator = torch.Generator().manual_seed(1000 + seed)
    made = []
    for length in LENGTHS:
        ids = torch.randint(3, vocab_size - 1, (length,), generator=generator)
        if length > 8:
            ids[6] = ids[1]
            ids[7] = ids[2]
            ids[8] = ids[2]
        made.append(ids)
    return made


def answers(variant, seed):
    """What the decoder of an encoder-decoder is to write: labels, and its input, which begins with the start token."""
    generator = torch.Generator().manual_seed(3000 + seed)
    start = torch.tensor([variant.config["decoder_start_token_id"]])
    for length in ANSWER_LENGTHS:
        wanted = torch.randint(2, variant.config["vocab_size"], (length,), generator=generator)
        yield wanted, torch.cat([start, wanted[:-1]])


def labels(variant, ids, index, seed):
    """What the loss is taken against, in transformers' convention."""
    generator = torch.Generator().manual_seed(2000 + 10 * seed + index)
    if variant.loss == "causal":
        return ids.clone()  # position t is scored against the label at t + 1
    if variant.loss == "masked":
        chosen = torch.full_like(ids, IGNORED)
        places = torch.randperm(len(ids), generator=generator)[: max(1, len(ids) // 4)]
        chosen[places] = torch.randint(3, variant.config["vocab_size"], (len(places),), generator=generator)
        return chosen
    if variant.loss == "sequence_classification":
        return torch.tensor([(index + seed) % 3])
    if variant.loss == "token_classification":
        chosen = torch.randint(0, variant.config["num_labels"], ids.shape, generator=generator)
        chosen[0] = IGNORED
        chosen[-1] = IGNORED
        return chosen
    return None


def token_types(ids, index):
    """The first sequence is one text; in the others a second text begins at the middle."""
    types = torch.zeros_like(ids)
    if index > 0:
        types[len(ids) // 2:] = 1
    return types


def summed_loss(variant, logits, wanted):
    """Cross-entropy summed over the scored targets of one sequence, and how many there are. logits [tokens, vocab]."""
    if variant.loss == "causal":
        logits, wanted = logits[:-1], wanted[1:]
    count = int((wanted != IGNORED).sum())
    return torch.nn.functional.cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum"), count


def balance_loss(model, router_logits):
    """transformers' auxiliary loss of all rows; router_logits: of each sequence, a tensor [tokens, experts] for each layer."""
    from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

    c = model.config
    layers = tuple(torch.cat(rows) for rows in zip(*router_logits))
    return c.router_aux_loss_coef * load_balancing_loss_func(layers, c.num_local_experts, c.num_experts_per_tok)


@torch.no_grad()
def greedy(model, ids, tokens):
    """The likeliest continuation, end id or not, and the smallest lead of the first over the second logit."""
    answers = model.config.is_encoder_decoder
    source, lead = ids, float("inf")
    ids = torch.tensor([model.config.decoder_start_token_id]) if answers else ids.clone()
    for _ in range(tokens):
        inputs = {"input_ids": source[None], "decoder_input_ids": ids[None]} if answers else {"input_ids": ids[None]}
        top = model(**inputs).logits[0, -1].topk(2)
        lead = min(lead, float(top.values[0] - top.values[1]))
        ids = torch.cat([ids, top.indices[:1]])
    return ids[-tokens:], lead
