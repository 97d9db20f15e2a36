"""Random strings by the million: atoms that tokenizers trip over, gathered by numpy as text and as JSON at once.

    strings = RandomStrings(vocabulary, special, seed)
    texts, records = strings.batch(7, 100_000)      # batch 7 is the same on every call; records: a line {"text": …} each
"""

import base64
import json

import numpy

import texts

SEPARATOR = "\U0010fffd"   # between strings; no atom has it
SPACES = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r", "\t", " \n", "\n ", "\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\u00a0", "\u1680",
          "\u2003", "\u2009", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff", "\u2060", "\u180e", "▁", "▁▁"]
NUMBERS = [*"0123456789", "12", "345", "1234", "00", "3.14", "1,000", "٣", "५", "Ⅷ", "½", "²", "①", "𝟘", "０", "一", "1st", "0x1F", "-1", "1e-5"]
EDGES = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'Re", "'ſ", "’s", "n't", "''", "``", "_", "__", "--", "...", "…", "?!", "://", "##", "#",
         "##a", "//", "/*", "};", "=>", "é", "e\u0301", "ﬁ", "ß", "ẞ", "İ", "ı", "ǅ", "Σ", "ς", "Å", "\u212b", "ﷺ", "ŉ", "ΐ", "Ⅳ", "㎏", "ｶﾞ", "が", "か\u3099",
         "각", "\u1100\u1161\u11a8", "\u1100", "क्षि", "ก็", "ﾞ", "：", "。", "、", "「", "·", "—", "«", "“", "$", "€", "+", "^", "`", "~", "|", "¨", "´",
         "naïve", "Größe", "Москва", "北京", "서울", "東京タワー", "שלום", "مرحبا", "user@example.com", "antidisestablishmentarianism", "HTTPServer", "iPhone15"]
EMOJI = ["😀", "👩‍💻", "👨‍👩‍👧‍👦", "\u200d", "\ufe0f", "\ufe0e", "🏽", "👍🏿", "🇩🇪", "🇩", "🇪", "❤️", "1️⃣", "\u20e3", "🏴\U000e0067\U000e0062\U000e007f", "☃", "🤷🏼‍♀️", "©", "™"]
CONTROLS = [chr(c) for c in (*range(0x20), *range(0x7f, 0xa0), 0xad, 0x61c, 0x200e, 0x202a, 0x2066, 0xfff9, 0xfffc, 0xfffd, 0xfffe, 0xffff, 0xfdd0, 0xe000,
                             0xf8ff, 0xe0001, 0xf0000, 0x10ffff)]
MARKS = [*range(0x300, 0x370), *range(0x483, 0x488), *range(0x591, 0x5be), *range(0x64b, 0x660), 0x670, *range(0x93a, 0x950), *range(0xe31, 0xe4f),
         *range(0x1ab0, 0x1abf), *range(0x20d0, 0x20f1), 0x3099, 0x309a, *range(0xfe20, 0xfe30), 0x1d165]
# How often an atom is of each group, by the style that a string has.
GROUPS = ["letters", "printable", "spaces", "numbers", "edges", "emoji", "controls", "marks", "scripts", "any", "vocabulary", "special"]
STYLES = numpy.array([[2, 2, 2, 1, 3, 1, 1, 1, 3, 1, 3, 1],      # of everything
                      [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0],      # the vocabulary's own tokens
                      [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 1],
                      [9, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0],      # letters
                      [3, 5, 3, 1, 2, 0, 0, 0, 0, 0, 0, 0],      # ASCII
                      [1, 0, 8, 1, 1, 0, 0, 0, 0, 0, 1, 0],      # spaces
                      [1, 1, 1, 7, 1, 0, 0, 0, 0, 0, 0, 0],      # numbers
                      [3, 0, 1, 0, 1, 2, 0, 4, 4, 0, 0, 0],      # marks, emoji
                      [0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 2, 0],      # scripts
                      [0, 1, 1, 0, 0, 0, 1, 0, 1, 8, 0, 0],      # any code points
                      [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 5]])     # special tokens and parts of them


class Atoms:
    """Strings as slices of one buffer, which numpy gathers."""

    def __init__(self, strings):
        encoded = [s.encode() for s in strings]
        self.lengths = numpy.fromiter(map(len, encoded), numpy.int64, len(encoded))
        self.starts = numpy.concatenate([[0], numpy.cumsum(self.lengths)[:-1]])
        self.buffer = numpy.frombuffer(b"".join(encoded), numpy.uint8)

    def gather(self, index):
        lengths = self.lengths[index]
        ends = numpy.cumsum(lengths)
        return self.buffer[numpy.repeat(self.starts[index] - (ends - lengths), lengths) + numpy.arange(ends[-1])].tobytes()


class RandomStrings:
    def __init__(self, vocabulary, special, seed):
        self.seed = seed
        self.vocabulary = sorted({v for v in vocabulary if v and SEPARATOR not in v}) or ["a"]
        parts = {token[i:j] for token in special for i, j in [(0, len(token)), (0, 1), (0, len(token) // 2), (0, -1), (1, None), (len(token) // 2, None)]}
        self.special = sorted(part for part in parts if part) + [*special] * 4 or ["<s>"]

    def batch(self, number, count):
        random = numpy.random.default_rng([*self.seed, number])
        table, low, size = self.atoms(random)
        plain, escaped = Atoms(table), Atoms([json.dumps(s, ensure_ascii=False)[1:-1] for s in table[:-1]] + ['"}\n{"text":"'])
        lengths = 1 + random.geometric(1 / 7, count)
        lengths[random.random(count) < 0.02] %= 2
        lengths[random.random(count) < 0.01] *= 10
        ends = numpy.cumsum(lengths)
        of = numpy.repeat(numpy.arange(count), lengths)
        style = random.integers(0, len(STYLES), count)[of]
        shares = numpy.cumsum(STYLES / STYLES.sum(1, keepdims=True), axis=1)
        group = numpy.minimum((random.random(len(of))[:, None] >= shares[style]).sum(1), len(GROUPS) - 1)
        index = low[group] + (random.random(len(of)) * size[group]).astype(numpy.int64)
        again = (random.random(count) < 0.1)[of]     # strings of one to three atoms again and again
        few = 1 + random.integers(0, 3, count)
        first = (ends - lengths)[of]
        index[again] = index[(first + (random.random(len(of)) * numpy.minimum(few, lengths)[of]).astype(numpy.int64))[again]]
        index = numpy.insert(index, ends[:-1], len(table) - 1)
        strings = plain.gather(index).decode().split(SEPARATOR)
        records = b'{"text":"' + escaped.gather(index) + b'"}\n'
        assert len(strings) == count
        return strings, records

    def damaged(self, number, count):
        """The same strings as bytes, of which some became others, and records {"base64": …}."""
        random = numpy.random.default_rng([*self.seed, number, 1])
        strings = [s.encode() for s in self.batch(number, count)[0]]
        ends = numpy.cumsum([len(s) for s in strings]).tolist()
        joined = numpy.frombuffer(b"".join(strings), numpy.uint8).copy()
        places = numpy.flatnonzero(random.random(len(joined)) < 0.06)
        joined[places] = random.choice([*range(256), *[0x80, 0xbf, 0xc3, 0xe4, 0xed, 0xa0, 0xf0, 0xff, 0x20, 0x41] * 20], len(places)).astype(numpy.uint8)
        joined = joined.tobytes()
        cut = [joined[begin:end] for begin, end in zip([0, *ends], ends)]
        return cut, b"".join(b'{"base64":"' + base64.b64encode(s) + b'"}\n' for s in cut)

    def atoms(self, random):
        """The table of atoms, the separator last, and where each group begins and how many it has."""
        low, high = numpy.array(texts.BLOCKS).T
        block = random.integers(0, len(low), 3000)
        code_points = (low[block] + random.random(3000) * (high - low + 1)[block]).astype(int)
        planes = random.choice([0x800, 0x10000, 0x20000, 0x110000], 2000, p=[.2, .5, .2, .1])
        anything = (random.random(2000) * planes).astype(int)
        anything = anything[(anything < 0xd800) | ((anything > 0xdfff) & (anything != 0x10fffd))]
        groups = [[chr(c) for c in range(0x61, 0x7b)], [chr(c) for c in range(0x20, 0x7f)], SPACES, NUMBERS, EDGES + texts.PIECES, EMOJI, CONTROLS,
                  [chr(c) for c in MARKS], [chr(c) for c in code_points], [chr(c) for c in anything], self.vocabulary, self.special]
        assert len(groups) == len(GROUPS) == STYLES.shape[1]
        size = numpy.array([len(g) for g in groups])
        return [s for g in groups for s in g] + [SEPARATOR], numpy.cumsum(size) - size, size
