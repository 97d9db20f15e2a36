#!/usr/bin/env python3
"""Writes src/base/generated/property_tables.inc: general categories, scripts and grapheme break classes of code points.

    python3 scripts/make_property_tables.py        # needs the packages tokenizers and regex

Categories and scripts are what Oniguruma, as Hugging Face's `tokenizers` carries it, answers for \\p{Name}; the second
table of scripts is that of its UnicodeScripts, which is older. Grapheme break classes come from the package regex.
Each table is a sorted list of runs: the first code point of a run times 256, plus the run's value.
"""
import os
import unicodedata

import regex
import tokenizers
from tokenizers import Regex, pre_tokenizers

TARGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../src/base/generated/property_tables.inc")
ALL = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
TEXT = "".join(map(chr, ALL))

CATEGORIES = "Cn Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs".split()
SCRIPTS = """Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo
Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic
Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic
Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran
Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana
Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian
Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive
Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nandinagari New_Tai_Lue Newa Nko Nushu
Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian
Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician
Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo
Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan
Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square""".split()
BREAKS = "Other CR LF Control Extend ZWJ Regional_Indicator Prepend SpacingMark L V T LV LVT Pictographic".split()


def sample():
    """Code points that stand for all: of a long run that Python's own tables find uniform, the ends alone. What is unassigned there need not be so here."""
    kind = lambda c: (unicodedata.category(chr(c)), regex.sub(r"\P{Han}", "", chr(c)) != "")
    kept, run = [], []
    for c in ALL + [None]:
        if run and (c is None or c != run[-1] + 1 or kind(c) != kind(run[0]) or c < 0x3400 or 0xA000 <= c < 0xAC00 or 0xD7A4 <= c < 0x20000
                    or (c < 0x33480 and unicodedata.category(chr(c)) == "Cn")):
            kept.append((run[0], run[-1]))
            run = []
        run.append(c)
    return kept


RUNS = sample()
FIRST_AND_LAST = [c for run in RUNS for c in dict.fromkeys(run)]
SHORT_TEXT = "".join(map(chr, FIRST_AND_LAST))
LAST_OF = dict(RUNS)


def members(name):
    """The code points of \\p{name}, found in one text of all runs' ends."""
    found = set()
    for _, (begin, end) in pre_tokenizers.Split(Regex(r"\p{%s}+" % name), "removed", invert=True).pre_tokenize_str(SHORT_TEXT):
        found.update(FIRST_AND_LAST[begin:end])
    return [c for first, last in RUNS if first in found and last in found for c in range(first, last + 1)]


def by_property(names, first):
    values = {}
    for value, name in enumerate(names):
        if value >= first:
            for c in members(name):
                values[c] = value
    return values


def unicode_scripts():
    """Equivalence classes of UnicodeScripts: 0 for characters of any script, which never begin a piece."""
    step = pre_tokenizers.UnicodeScripts()
    def joined(with_):
        """Those that do not begin a piece after a character of some script."""
        cuts = {begin for _, (begin, _) in step.pre_tokenize_str(with_ + with_.join(TEXT))}
        return {c for i, c in enumerate(ALL) if 2 * i + 1 not in cuts}
    any_script = joined("a") & joined("\u4e00")
    known = [c for c in ALL if c not in any_script]
    values, examples = {}, []
    for piece, (begin, end) in step.pre_tokenize_str("".join(map(chr, known))):
        same = lambda e: len(step.pre_tokenize_str(e + piece[0])) == 1
        value = next((i + 1 for i, e in enumerate(examples) if same(e)), 0)
        if not value:
            examples.append(piece[0])
            value = len(examples)
        for c in known[begin:end]:
            values[c] = value
    assert len(examples) < 256
    return values


# Marks of Unicode 18, which regex knows and tokenizers does not: its Precompiled cuts before them.
NEWER = {c for first, last in [(0x5c8, 0x5c9), (0xb53, 0xb54), (0x1ade, 0x1adf), (0x1aec, 0x1af0), (0x10ecb, 0x10ecf), (0x10ef0, 0x10ef9), (0x11df0, 0x11df0),
                               (0x1d127, 0x1d128), (0x1d250, 0x1d252), (0x1d25b, 0x1d25c), (0x1d25f, 0x1d25f), (0x1d280, 0x1d281)]
         for c in range(first, last + 1)}


def breaks():
    values = {}
    tests = [(i, r"\p{GCB=%s}+" % name) for i, name in enumerate(BREAKS) if 0 < i < 14] + [(14, r"\p{Extended_Pictographic}+")]
    for value, pattern in tests:
        for match in regex.finditer(pattern, TEXT):
            for c in ALL[match.start():match.end()]:
                if c not in NEWER:
                    values.setdefault(c, value)
    return values


def runs(values):
    out, last = [], None
    for c in ALL:
        value = values.get(c, 0)
        if value != last:
            out.append(c << 8 | value)
        last = value
    return out


def array(kind, name, values, comment):
    lines, line = [], " "
    for value in values:
        word = f" {value},"
        if len(line) + len(word) > 118:
            lines.append(line)
            line = " "
        line += word
    body = "\n".join(lines + [line])
    return f"// {comment}\nconstexpr {kind} {name}[] = {{\n{body}\n}};\n"


def main():
    quoted = lambda names: (f'"{name}"' for name in names)
    out = [f"// Made by scripts/make_property_tables.py; do not edit. tokenizers {tokenizers.__version__}, regex {regex.__version__}.\n",
           array("std::string_view", "kCategoryNames", quoted(CATEGORIES), "General categories, by value."),
           array("uint32_t", "kCategoryRuns", map(hex, runs(by_property(CATEGORIES, 1))), "Runs of one general category."),
           array("std::string_view", "kScriptNames", quoted([""] + SCRIPTS), "Scripts, by value; 0 is none."),
           array("uint32_t", "kScriptRuns", map(hex, runs(by_property([""] + SCRIPTS, 1))), "Runs of one script."),
           array("uint32_t", "kOldScriptRuns", map(hex, runs(unicode_scripts())), "Runs of one script of UnicodeScripts; 0 is any."),
           array("uint32_t", "kBreakRuns", map(hex, runs(breaks())), "Runs of one grapheme break class: " + ", ".join(BREAKS) + ".")]
    with open(TARGET, "w", encoding="ascii") as f:
        f.write("\n".join(out))


if __name__ == "__main__":
    main()
