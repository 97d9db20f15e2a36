#!/usr/bin/env python3
"""Holds every text that git tracks to what all editors agree on: no tabs in sources, no white space at the end of a line, LF alone,
one newline at the end of a file. How a line is laid out is its author's; .clang-format has the base for editors.

    scripts/check_format.py          names the lines; exit 1
"""

import subprocess
import sys
from pathlib import Path

SOURCES = (".h", ".cpp", ".inc", ".py", ".sh", ".cmake", ".md", ".html", ".css", ".js")
GIVEN = ("tests/goldens/", "tests/fuzz/corpus/", "checkpoints/", "assets/", "testdata/", "generated/")  # data, as it came or was made


def faults(path):
    text = path.read_bytes()
    if b"\r" in text:
        yield 1, "has CR"
    if text and (not text.endswith(b"\n") or text.endswith(b"\n\n")):
        yield text.count(b"\n"), "does not end in one newline"
    for number, line in enumerate(text.split(b"\n"), 1):
        if line != line.rstrip():
            yield number, "ends in white space"
        if b"\t" in line:
            yield number, "has a tab"


def main():
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True)
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else [str(p) for p in Path(".").rglob("*") if "build" not in p.parts]
    files = [Path(name) for name in names if name.endswith(SOURCES) and not any(part in name for part in GIVEN)]
    bad = 0
    for path in files:
        for number, what in faults(path) if path.is_file() else ():
            print(f"{path}:{number}: {what}")
            bad += 1
    print(f"{len(files)} files, {bad} faults")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
