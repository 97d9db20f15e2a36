"""Texts and small tokenizers that the parity tests make for themselves."""

import random
from pathlib import Path

import tokenizers

NAMES = "fox cat owl bear crow mole hare duck".split()
PLACES = "hill sea wood lake barn mill road well".split()
VERBS = "saw met heard followed thanked helped".split()

# Ranges of code points: Latin, marks, Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, Hangul, punctuation, symbols, kana,
# ideographs, presentation forms, full width, emoji.
BLOCKS = [(0x20, 0x7E), (0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF),
          (0x5D0, 0x5EA), (0x620, 0x64A), (0x900, 0x97F), (0xE00, 0xE5B), (0x2000, 0x206F), (0x20A0, 0x214F),
          (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xFB00, 0xFB06), (0xFF00, 0xFFEF), (0x1F300, 0x1F64F)]
PIECES = ["the ", "The", " of", "'s", "n't", "'LL", "  ", "\n", "\r\n", "\t", "   ", "12", "345", "3.14", "0x1F", "_", "--", "...", "?!",
          "://", "naïve", "Größe", "e\u0301", "ﬁ", "ß", "İ", "Москва", "北京", "서울", "😀", "👩‍💻", "\u00a0", "\u200b", "\u3000", "##", "▁",
          "<s>", "</s>", "<|endoftext|>", "[MASK]", "[SEP]", "<unk>", "antidisestablishmentarianism", "{", "};", "=>"]


def stories(count, seed):
    """Plain sentences of few words, for training small things on."""
    chosen = random.Random(seed)
    made = []
    for _ in range(count):
        one, two = chosen.sample(NAMES, 2)
        made.append(f"The {one} {chosen.choice(VERBS)} the {two} by the {chosen.choice(PLACES)}. "
                    f"Then the {two} ran to the {chosen.choice(PLACES)}, and the {one} slept.")
    return made


def difficult(count, seed):
    """Random texts: pieces that tokenizers trip over, mixed with code points of many scripts."""
    chosen = random.Random(seed)
    made = []
    for _ in range(count):
        parts = []
        for _ in range(chosen.randint(0, 14)):
            if chosen.random() < 0.5:
                parts.append(chosen.choice(PIECES))
            else:
                low, high = chosen.choice(BLOCKS)
                parts.append("".join(chr(chosen.randint(low, high)) for _ in range(chosen.randint(1, 6))))
            if chosen.random() < 0.3:
                parts.append(" ")
        made.append("".join(parts))
    return made


def write_wordpiece(folder, vocab_size):
    """A BERT tokenizer of letters and a few words, as tokenizer.json, vocab.txt and tokenizer_config.json."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",", ".", *letters, *("##" + c for c in letters), "the", "##ed", "##er"]
    entries += NAMES
    assert len(set(entries)) == len(entries) <= vocab_size
    (Path(folder) / "vocab.txt").write_text("\n".join(entries) + "\n")
    (Path(folder) / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}\n')
    tokenizer = tokenizers.BertWordPieceTokenizer({word: i for i, word in enumerate(entries)}, lowercase=True)
    tokenizer.save(str(Path(folder) / "tokenizer.json"))
    return tokenizer


def write_byte_bpe(folder, vocab_size):
    """A byte-level BPE learned from `stories`, with an end token."""
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(stories(200, seed=1), trainer)
    tokenizer.save(str(Path(folder) / "tokenizer.json"))
    (Path(folder) / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}\n')
    return tokenizer
