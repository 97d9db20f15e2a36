#!/usr/bin/env python3
"""Writes src/chat/generated/case_tables.inc: what Python's str.upper and str.title make of each character.

    scripts/make_case_tables.py
"""
import sys
import unicodedata
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "src" / "chat" / "generated" / "case_tables.inc"


def literal(text):
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def wrapped(items, width=150):
    line, lines = "", []
    for item in items:
        if line and len(line) + len(item) + 1 > width:
            lines.append(line)
            line = ""
        line += (" " if line else "") + item
    return "\n".join(lines + [line]) + "\n"


runs, whole = [], []   # [first, last, step, delta]; (character, upper, title)
for value in range(0x110000):
    if 0xD800 <= value < 0xE000:
        continue
    c = chr(value)
    upper, title = c.upper(), c.title()
    if upper == c and title == c:
        continue
    if len(upper) > 1 or upper != title:
        whole.append((value, upper, title))
        continue
    delta = ord(upper) - value
    last = runs[-1] if runs else None
    if last and last[3] == delta and (value - last[1] == last[2] or (last[0] == last[1] and value - last[1] in (1, 2))):
        last[2] = value - last[1]
        last[1] = value
    else:
        runs.append([value, value, 1, delta])

OUT.parent.mkdir(exist_ok=True)
OUT.write_text(
    f"// Made by scripts/make_case_tables.py with Python {sys.version.split()[0]}, Unicode {unicodedata.unidata_version}.\n"
    "// Upper case by runs {first, last, step, delta}, then characters with several or with a title case of their own.\n"
    "#ifdef CASE_RUNS\n" + wrapped(f"{{{a}, {b}, {s}, {d}}}," for a, b, s, d in runs) + "#endif\n#ifdef CASE_WHOLE\n"
    + wrapped(f"{{{v}, {literal(u)}, {literal(t)}}}," for v, u, t in whole) + "#endif\n")
print(len(runs), "runs,", len(whole), "whole")
