#!/usr/bin/env python3
"""Writes src/base/generated/unicode_tables.inc: classes, case, decompositions and compositions of every code point.

    python3 scripts/make_unicode_tables.py [../shared/tokenizers/goldens/unicode.json]

Tokenizer files mean what Hugging Face's `tokenizers` makes of them, and that library mixes several versions of
Unicode. The golden file holds what it answers for every code point; those answers, not the newest standard, are the
source here. Canonical combining classes are not in that file: they come from Python's unicodedata, less the code
points that the library's tables (Unicode 9.0) do not know yet.
"""
import json
import os
import sys
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../shared/tokenizers/goldens/unicode.json")
TARGET = os.path.join(HERE, "../src/base/generated/unicode_tables.inc")
LIMIT = 0x110000
PAGE = 128  # code points in a page of the class table

# Bit of each class, in the order of `enum UnicodeClass` in base/unicode.h.
CLASSES = [
    "WhitespaceSplit: whitespace", r"tokenizers Split \p{L}", r"tokenizers Split \p{N}", r"tokenizers Split \p{M}",
    r"tokenizers Split \p{P}", r"tokenizers Split \p{S}", r"tokenizers Split \p{Lu}", r"tokenizers Split \p{Ll}",
    r"tokenizers Split \p{Lt}", r"tokenizers Split \p{Lm}", r"tokenizers Split \p{Lo}", r"tokenizers Split \p{Han}",
    r"tokenizers Split \d", r"tokenizers Split \w", "Whitespace: joins a word", "Digits: numeric",
    "BertPreTokenizer/Punctuation: cut", "bert clean_text: removed", "bert clean_text: becomes space",
    "bert handle_chinese_chars: spaced", "bert strip_accents: removed", "StripAccents: removed",
]

# Combining marks assigned after Unicode 9.0: class 0 for the reference.
TOO_NEW = [
    (0x7FD, 0x7FD), (0x898, 0x89F), (0x8CA, 0x8D3), (0x9FE, 0x9FE), (0xC3C, 0xC3C), (0xD3B, 0xD3C), (0xEBA, 0xEBA),
    (0x1715, 0x1715), (0x1ABF, 0x1ACE), (0x1DF6, 0x1DFA), (0xA82C, 0xA82C), (0x10D24, 0x10D27), (0x10EAB, 0x10EAC),
    (0x10F46, 0x10F50), (0x10F82, 0x10F85), (0x11070, 0x11070), (0x1133B, 0x1133B), (0x1145E, 0x1145E),
    (0x11839, 0x1183A), (0x1193D, 0x1193E), (0x11943, 0x11943), (0x119E0, 0x119E0), (0x11A34, 0x11A34),
    (0x11A47, 0x11A47), (0x11A99, 0x11A99), (0x11D42, 0x11D45), (0x11D97, 0x11D97), (0x16FF0, 0x16FF1),
    (0x1E130, 0x1E136), (0x1E2AE, 0x1E2AE), (0x1E2EC, 0x1E2EF),
]


def wrapped(values, width=118):
    lines, line = [], " "
    for value in values:
        word = f" {value},"
        if len(line) + len(word) > width:
            lines.append(line)
            line = " "
        line += word
    return "\n".join(lines + [line]) if line.strip() else "\n".join(lines)


def array(kind, name, values, comment):
    return f"// {comment}\nconstexpr {kind} {name}[] = {{\n{wrapped(values)}\n}};\n"


def class_tables(classes):
    flags = [0] * LIMIT
    for bit, name in enumerate(CLASSES):
        for first, last in classes[name]:
            for c in range(first, last + 1):
                flags[c] |= 1 << bit
    for c in range(0xD800, 0xE000):
        flags[c] = 0
    kinds = sorted(set(flags))
    assert len(kinds) <= 256, "a code point's kind must fit a byte"
    kind_of = {f: i for i, f in enumerate(kinds)}
    pages, index = {}, []
    for start in range(0, LIMIT, PAGE):
        page = tuple(kind_of[f] for f in flags[start:start + PAGE])
        index.append(pages.setdefault(page, len(pages)))
    assert len(pages) <= 65535
    return (array("uint32_t", "kKindClasses", (hex(k) for k in kinds), "For each kind of code point: its classes, one bit each.")
            + array("uint16_t", "kPageOf", index, f"For each run of {PAGE} code points: its page.")
            + array("uint8_t", "kPages", (k for page in pages for k in page), f"Pages of {PAGE} kinds."))


def map_table(name, mapping, comment):
    """Sorted keys, and where each one's text lies in a pool of code points."""
    keys, starts, pool = [], [], []
    for key, value in sorted((int(k, 16), [int(v, 16) for v in text.split()]) for k, text in mapping.items()):
        keys.append(hex(key))
        starts.append(len(pool))
        pool += value
    starts.append(len(pool))
    return (array("char32_t", f"k{name}Keys", keys, comment) + array("uint16_t", f"k{name}Starts", starts, "Where each one's text begins.")
            + array("char32_t", f"k{name}Pool", (hex(v) for v in pool), "The texts."))


def combining_ranges():
    rows = []
    for c in range(LIMIT):
        k = 0 if 0xD800 <= c < 0xE000 else unicodedata.combining(chr(c))
        if k == 0 or any(first <= c <= last for first, last in TOO_NEW):
            continue
        if rows and rows[-1][1] == c - 1 and rows[-1][2] == k:
            rows[-1][1] = c
        else:
            rows.append([c, c, k])
    return rows


def compositions(nfd, nfc):
    """(first, second) -> composed, for the characters that NFC leaves composed. Hangul is arithmetic."""
    full = {int(k, 16): [int(v, 16) for v in t.split()] for k, t in nfd.items()}
    whole = {tuple(v): k for k, v in full.items() if f"{k:04X}" not in nfc}
    rows = []
    for text, composed in whole.items():
        if len(text) < 2:
            continue
        first = text[0] if len(text) == 2 else whole[text[:-1]]
        assert unicodedata.decomposition(chr(composed)).split() == [f"{first:04X}", f"{text[-1]:04X}"], hex(composed)
        rows.append((first, text[-1], composed))
    return sorted(rows)


def main():
    data = json.load(open(SOURCE, encoding="utf-8"))
    classes, maps = data["classes"], data["maps"]
    out = ["// Made by scripts/make_unicode_tables.py; do not edit. "
           f"Answers of tokenizers {data['tokenizers']}; combining classes of Unicode 9.0.\n"]
    out.append(class_tables(classes))
    out.append(map_table("Lower", maps["Lowercase"], "Lower case: the code points it changes."))
    out.append(map_table("Nfd", maps["NFD"], "Canonical decomposition, complete; Hangul is arithmetic."))
    only_nfkd = {k: v for k, v in maps["NFKD"].items() if maps["NFD"].get(k) != v}
    out.append(map_table("Nfkd", only_nfkd, "Compatibility decomposition where it differs from the canonical one."))
    out.append(array("CombiningRange", "kCombining", ("{%s, %s, %d}" % (hex(a), hex(b), k) for a, b, k in combining_ranges()),
                     "Canonical combining classes other than 0."))
    out.append(array("Composition", "kCompositions", ("{%s, %s, %s}" % tuple(map(hex, r)) for r in compositions(maps["NFD"], maps["NFC"])),
                     "Primary composites: first, second, composed; sorted."))
    with open(TARGET, "w", encoding="ascii") as f:
        f.write("\n".join(out))


if __name__ == "__main__":
    main()
