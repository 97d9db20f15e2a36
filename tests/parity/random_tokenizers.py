"""Small tokenizers with steps, models and options drawn at random, in `tokenizers`' own words."""

from random import Random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

LETTERS = [*"abcdefghijklmnopqrstuvwxyzABTS0123456789.,!?'-_#<>[] \n", "▁", "Ġ", "é", "e\u0301", "\u0301", "中", "文", "ß", "И", "😀", "ﬁ", "\u00a0", "İ", "한"]
PATTERNS = ["a", " ", "▁", "..", Regex(r"\s+"), Regex(r"\w+"), Regex(r"\p{L}+|\p{N}{1,3}"), Regex(r"[^\s\w]"), Regex(r" ?[a-z]+"), Regex(r"(?i:'s|'t)"), Regex("$"), Regex("a*")]
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]


def normalizer(random):
    def flag():
        return random.random() < 0.5

    one = [normalizers.NFC, normalizers.NFD, normalizers.NFKC, normalizers.NFKD, normalizers.Lowercase, normalizers.StripAccents, normalizers.Nmt,
           lambda: normalizers.Strip(flag(), flag()), lambda: normalizers.Replace(random.choice(PATTERNS), random.choice(["", "b", " ", "▁", "xy", "é"])),
           lambda: normalizers.Prepend(random.choice(["▁", "a", " x"])),
           lambda: normalizers.BertNormalizer(flag(), flag(), random.choice([None, True, False]), flag())]
    return normalizers.Sequence([random.choice(one)() for _ in range(random.randint(1, 3))])


def pre_tokenizer(random):
    def flag():
        return random.random() < 0.5

    one = [pre_tokenizers.Whitespace, pre_tokenizers.WhitespaceSplit, pre_tokenizers.BertPreTokenizer, pre_tokenizers.UnicodeScripts,
           lambda: pre_tokenizers.Punctuation(random.choice(BEHAVIORS)), lambda: pre_tokenizers.Digits(flag()),
           lambda: pre_tokenizers.Metaspace("▁", random.choice(["always", "never", "first"]), flag()),
           lambda: pre_tokenizers.Split(random.choice(PATTERNS), random.choice(BEHAVIORS), flag()),
           lambda: pre_tokenizers.CharDelimiterSplit(random.choice("a- ")), lambda: pre_tokenizers.FixedLength(random.randint(1, 5))]
    steps = [random.choice(one)() for _ in range(random.randint(0, 2))]
    if random.random() < 0.3:
        steps.append(pre_tokenizers.ByteLevel(flag(), True, flag()))
    return pre_tokenizers.Sequence(steps) if steps else None


def decoder(random):
    one = [decoders.ByteLevel, decoders.ByteFallback, decoders.Fuse, lambda: decoders.WordPiece("##", random.random() < 0.5), lambda: decoders.Metaspace("▁", random.choice(["always", "never", "first"])),
           lambda: decoders.BPEDecoder("</w>"), lambda: decoders.Replace(random.choice(["▁", "a", Regex("b+")]), random.choice([" ", "", "c"])),
           lambda: decoders.Strip(random.choice(" a"), random.randint(0, 2), random.randint(0, 2)), lambda: decoders.CTC("a", "b", random.random() < 0.5)]
    return random.choice([None, decoders.Sequence([random.choice(one)() for _ in range(random.randint(1, 3))])])


def processor(random, ids):
    def flag():
        return random.random() < 0.5

    if "[A]" not in ids or "[B]" not in ids:
        return None
    a, b = ("[A]", ids["[A]"]), ("[B]", ids["[B]"])
    return random.choice([None, processors.BertProcessing(a, b), processors.RobertaProcessing(a, b, flag(), flag()), processors.ByteLevel(flag()),
                          processors.TemplateProcessing("[A]:1 $A:2 [B]", "$A [B]:1 $B:1", [a, b])])


def words(random, letters):
    return ["".join(random.choices(letters, k=random.randint(2, 5))) for _ in range(random.randint(20, 120))]


def bpe(random, letters, bytes_too):
    prefix, suffix = random.choice([("", "")] * 4 + [("##", ""), ("", "</w>"), ("##", "</w>")])
    alphabet = list(pre_tokenizers.ByteLevel.alphabet()) if bytes_too else letters
    tokens = list(dict.fromkeys([x for c in sorted(alphabet) for x in (c, prefix + c, c + suffix, prefix + c + suffix)]))
    merges, often = [], [t for t in tokens if t[-1:] in "abcdeĠ▁" or t.startswith("#")] or tokens
    for _ in range(random.randint(0, 150)):
        left, right = random.choice(often), random.choice(often)
        if (suffix and left.endswith(suffix)) or not right.startswith(prefix) or (left, right) in merges:
            continue
        product = left + right[len(prefix):]
        if len(product) > 12:
            continue
        merges.append((left, right))
        if product not in tokens:
            tokens.append(product)
        often.append(product)
    if random.random() < 0.4:
        random.shuffle(merges)
    # With decorated characters the reference counts the bytes of "##" too, and its offsets leave the text.
    fallback = not prefix and not suffix and random.random() < 0.4
    if fallback:
        tokens += [f"<0x{b:02X}>" for b in range(256 if random.random() < 0.7 else 200)]
    unknown = random.choice([None, "<unk>"])
    tokens += ["<unk>"] + (words(random, letters) if random.random() < 0.3 else [])
    vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    given = {"unk_token": unknown, "continuing_subword_prefix": prefix, "end_of_word_suffix": suffix}
    return models.BPE(vocab=vocab, merges=merges, fuse_unk=random.random() < 0.5, byte_fallback=fallback, ignore_merges=random.random() < 0.3,
                      **{key: value for key, value in given.items() if value})


def unigram(random, letters, bytes_too):
    alphabet = list(pre_tokenizers.ByteLevel.alphabet()) if bytes_too else random.sample(letters, len(letters) * 3 // 4)
    tokens = list(dict.fromkeys(["<unk>", *sorted(alphabet), *words(random, sorted(alphabet)), *words(random, [*"ab", " ", "▁"])]))
    fallback = random.random() < 0.3
    if fallback:
        tokens += [f"<0x{b:02X}>" for b in range(256)]
    few = random.random() < 0.5    # scores of which many are equal
    return models.Unigram([(t, random.choice([-1.0, -2.0, -2.5, -3.0]) if few else -10 * random.random()) for t in tokens], 0, fallback)


def word_piece(random, letters, bytes_too):
    tokens = dict.fromkeys(["[UNK]", *letters, *("##" + c for c in letters), *words(random, letters), *("##" + w for w in words(random, letters))])
    return models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]", max_input_chars_per_word=random.choice([2, 5, 100]))


def word_level(random, letters, bytes_too):
    return models.WordLevel({t: i for i, t in enumerate(dict.fromkeys(["<unk>", *letters, *words(random, letters)]))}, unk_token="<unk>")


def make(seed):
    random = Random(seed)
    before = pre_tokenizer(random)
    bytes_too = before is not None and "ByteLevel" in str(before)
    letters = random.sample(LETTERS, random.randint(10, len(LETTERS)))
    made = Tokenizer(random.choice([bpe, bpe, unigram, word_piece, word_level])(random, letters, bytes_too))
    if random.random() < 0.5:
        made.normalizer = normalizer(random)
    if before is not None:
        made.pre_tokenizer = before
    for content in random.sample(["[A]", "[B]", "<s>", "ab", "a b", " x", "<|end|>", "É", "##a", "a"], random.randint(0, 5)):
        flags = dict(zip(("single_word", "lstrip", "rstrip", "normalized"), [random.random() < 0.3 for _ in range(4)]))
        token = AddedToken(content, **flags)
        (made.add_special_tokens if random.random() < 0.5 else made.add_tokens)([token])
    after, back = processor(random, made.get_vocab()), decoder(random)
    if after is not None:
        made.post_processor = after
    if back is not None:
        made.decoder = back
    return made
