"""Folders with a tokenizer_config.json and what stands beside it: the binary reads them as transformers' AutoTokenizer does."""

import itertools
import json

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoTokenizer

import orrery

SPECIAL = ["<s>", "</s>", "<pad>", "<unk>", "<|endoftext|>"]
MERGES = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("a", "b"), ("Ġ", "a"), ("Ġ", "Ġ")]
VOCAB = {token: i for i, token in enumerate([*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
for left, right in MERGES:
    VOCAB.setdefault(left + right, len(VOCAB))
NEXT = len(VOCAB)
FILES = {"vocab.json": json.dumps(VOCAB | {"<mask>": NEXT}), "merges.txt": "#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in MERGES)}
BERT = {"vocab.txt": "\n".join("[PAD] [UNK] [CLS] [SEP] [MASK] the ##e a b ##b h ##h t ##t É é . , n ' don Don ##s 中".split()) + "\n"}
TEXTS = ["", " ", "the abthe", "  The a  b", "<s>the</s>", "Don't É , .", "the <|user|> x <extra_0>", "[CLS] a <mask> b", "<pad>é中 n't .", "12 345\n\n\tthe \r\n a  \n", "e\u0301THE"]
ROLES = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def byte_bpe(post_processor=None):
    tokenizer = Tokenizer(models.BPE(vocab=VOCAB, merges=MERGES))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if post_processor:
        tokenizer.post_processor = post_processor
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer.to_str()


def added(content, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} | flags


def config(name="PreTrainedTokenizerFast", **fields):
    return {"tokenizer.json": byte_bpe(), "tokenizer_config.json": {"tokenizer_class": name} | ROLES | fields}


def around(name, bos, eos):
    given = {key: value for key, value in (("add_bos_token", bos), ("add_eos_token", eos)) if value is not None}
    template = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 0)])
    return config(name, **given) | {"tokenizer.json": byte_bpe(template)}


def named(files, name, **fields):
    return files | {"tokenizer_config.json": {"tokenizer_class": name} | fields}


CASES = {
    "plain": config(),
    "no class": {"tokenizer.json": byte_bpe(), "tokenizer_config.json": ROLES},
    **{f"{name} bos {bos} eos {eos}": around(name, bos, eos)
       for name, bos, eos in itertools.product(("PreTrainedTokenizerFast", "LlamaTokenizerFast", "GPT2Tokenizer"), (True, False, None), (True, False, None))},
    "decoder": config(added_tokens_decoder={str(NEXT): added("<|user|>"), str(NEXT + 1): added("<extra_0>", special=False, lstrip=True)}),
    "decoder strips": config(added_tokens_decoder={str(NEXT): added("<|user|>", rstrip=True, lstrip=True)}),
    "decoder normalized": config(added_tokens_decoder={str(NEXT): added("<|user|>", normalized=True, single_word=True)}),
    "decoder of what is there": config(added_tokens_decoder={"0": added("<s>", special=False), "1": added("</s>", rstrip=True)}),
    "additional": config(additional_special_tokens=["<|user|>", "<extra_0>"]),
    "extra": config(extra_special_tokens={"user_token": "<|user|>"}),
    "map": {"tokenizer.json": byte_bpe(), "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"},
            "special_tokens_map.json": {"bos_token": "<s>", "eos_token": added("</s>"), "pad_token": "<newpad>", "additional_special_tokens": ["<|user|>"]}},
    "map against config": config() | {"special_tokens_map.json": {"pad_token": "<other>"}},
    "new role": config(cls_token="<cls>"),
    "clean up": config(clean_up_tokenization_spaces=True),
    "split special": config(split_special_tokens=True),
    "prefix": config("GPT2TokenizerFast", add_prefix_space=True),
    "sides": config(padding_side="left", truncation_side="left", model_max_length=3),
    "gpt2": named(FILES, "GPT2Tokenizer"),
    "gpt2 prefix": named(FILES, "GPT2Tokenizer", add_prefix_space=True),
    "roberta": named(FILES, "RobertaTokenizer"),
    "roberta prefix": named(FILES, "RobertaTokenizerFast", add_prefix_space=True),
    "bart": named(FILES, "BartTokenizer"),
    "qwen2": named(FILES, "Qwen2Tokenizer", eos_token="<|endoftext|>", pad_token="<|endoftext|>"),
    "bert": named(BERT, "BertTokenizer"),
    "bert cased": named(BERT, "BertTokenizer", do_lower_case=False),
    "bert accents": named(BERT, "BertTokenizer", strip_accents=False),
    "bert ideographs": named(BERT, "BertTokenizerFast", tokenize_chinese_chars=False),
    "distilbert": named(BERT, "DistilBertTokenizer", do_lower_case=True),
    "electra": named(BERT, "ElectraTokenizer"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_folder_is_read_as_transformers_reads_it(name, tmp_path):
    for file, content in CASES[name].items():
        (tmp_path / file).write_text(content if isinstance(content, str) else json.dumps(content))
    reference = AutoTokenizer.from_pretrained(tmp_path)
    texts = [(text,) for text in TEXTS] + [("the a", "ab <s>")]
    records = tmp_path / "texts.jsonl"
    records.write_text("".join(json.dumps(dict(zip(("text", "pair"), text))) + "\n" for text in texts))
    for text, row in zip(texts, orrery.call_json_lines("tokenize", tmp_path, "--jsonl", records), strict=True):
        expected = reference(*text, return_offsets_mapping=True)
        assert [tuple(span) for span in row["offsets"]] == expected["offset_mapping"], (text, row["tokens"])
        assert row["ids"] == expected["input_ids"], (text, row["tokens"], reference.convert_ids_to_tokens(expected["input_ids"]))
        assert row["decoded"] == reference.decode(expected["input_ids"], skip_special_tokens=True), text
        if "token_type_ids" in expected:
            assert row["type_ids"] == expected["token_type_ids"], text
