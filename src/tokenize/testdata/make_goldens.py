#!/usr/bin/env python3
"""Makes the small tokenizers of this folder and the reference's answers for them (goldens.json).

    pip install tokenizers==0.23.3
    python3 src/tokenize/testdata/make_goldens.py
"""
import json
import os

import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = [
    "", "a", " ", "low lower lowest", "Low  LOWER\n", "<s>low</s>", "the <mask>  lowest", "newer wider", "naïve 😀!",
    "é e\u0301 中文", "low\u200Dlow", "\u0000\ufffd", "a'b 'low's", "lowlowlow" * 5, "   low   ",
]
WORDS = ["low", "lower", "new", "er", "est", "wid", "th", "the", "ne", "lo", "wi", "es"]


def bpe_parts(alphabet, merges):
    vocab = {token: i for i, token in enumerate(alphabet)}
    for left, right in merges:
        vocab.setdefault(left + right, len(vocab))
    return vocab, merges


def byte_level():
    merges = [("l", "o"), ("lo", "w"), ("e", "r"), ("Ġ", "low"), ("e", "s"), ("es", "t"), ("Ġ", "Ġ"), ("Ã", "©"), ("low", "er")]
    vocab, merges = bpe_parts(["<s>", "</s>", "<mask>"] + sorted(pre_tokenizers.ByteLevel.alphabet()), merges)
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    t.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(["<s>", "</s>", AddedToken("<mask>", lstrip=True, special=True)])
    return t


def byte_fallback():
    fallback = [f"<0x{i:02X}>" for i in range(256)]
    merges = [("l", "o"), ("lo", "w"), ("▁", "low"), ("e", "r"), ("▁", "▁"), ("low", "er"), ("lo", "wer"), ("▁low", "er"), ("w", "er")]
    letters = list("▁abcdehilnorstwLOWER'!")
    vocab = {token: i for i, token in enumerate(["<unk>", "<s>", "</s>"] + fallback + letters)}
    for left, right in merges:
        vocab.setdefault(left + right, len(vocab))
    vocab.setdefault("wer", len(vocab))
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    return t


def bert():
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS + ["##" + w for w in WORDS] + list("abelnotw'!中") + ["##" + c for c in "abelnotw"]
    t = Tokenizer(models.WordPiece({w: i for i, w in enumerate(vocab)}, unk_token="[UNK]", max_input_chars_per_word=20))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.decoder = decoders.WordPiece()
    t.add_special_tokens(vocab[:5])
    return t


def main():
    rows = []
    for name, make in (("byte_level", byte_level), ("byte_fallback", byte_fallback), ("bert", bert)):
        path = os.path.join(HERE, name + ".json")
        make().save(path, pretty=False)
        t = Tokenizer.from_file(path)
        for text in TEXTS:
            e = t.encode(text)
            rows.append({"tokenizer": name, "text": text, "ids": e.ids, "tokens": e.tokens, "offsets": e.offsets,
                         "decoded": t.decode(e.ids, skip_special_tokens=True)})
    with open(os.path.join(HERE, "goldens.json"), "w", encoding="ascii") as f:
        f.write('{"made_by": "make_goldens.py", "tokenizers": "%s", "rows": [\n' % tokenizers.__version__)
        f.write(",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]}\n")


if __name__ == "__main__":
    main()
