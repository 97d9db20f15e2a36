#!/usr/bin/env python3
"""Text for the tokenizers' benchmarks, from files that any Debian has: prose, code and many scripts, no paragraph twice.

    python3 bench/prose.py [--megabytes 32]      # build/bench-text/{mixed,cjk,short}.txt, documents between form feeds

Those of `mixed` and `cjk` are of about 20 kB, a long table in several; `short` is `mixed` again in documents of 50 characters.

Prose is the packages' own documentation, code Python's library and C headers, the other scripts the translations of programs'
messages. The same files give the same text.
"""

import argparse
import gettext
import gzip
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "bench-text"
DOCUMENT = 20_000  # bytes
LINE = 50  # characters
SHARES = {"prose": 0.4, "code": 0.3, "scripts": 0.3}
SEPARATOR = "\f"
CJK = ("zh", "ja", "ko")


def text_of(path):
    try:
        data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
        return data.decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError):
        return ""


def files(*roots, suffixes):
    found = (path for root in roots for path in Path(root).rglob("*") if path.is_file() and path.name.endswith(suffixes))
    return sorted(path for path in found if not path.is_symlink())


def documentation():
    for path in files("/usr/share/doc", "/usr/share/common-licenses", suffixes=("copyright", "README", ".txt", ".gz", ".md")):
        yield text_of(path)


def source():
    for path in files("/usr/lib/python3", *Path("/usr/lib").glob("python3.*"), "/usr/include", "/usr/share/perl", suffixes=(".py", ".h", ".pm", ".c", ".hpp")):
        yield text_of(path)


def messages(languages=None):
    for path in files("/usr/share/locale", suffixes=(".mo",)):
        language = path.parts[4]
        if languages and not language.startswith(languages):
            continue
        try:
            with open(path, "rb") as file:
                told = gettext.GNUTranslations(file)._catalog
        except (OSError, UnicodeDecodeError, ValueError):
            continue
        yield "\n\n".join(text for key, text in sorted(told.items(), key=str) if key and isinstance(text, str))


def paragraphs(texts, most):
    """Paragraphs that did not stand anywhere before, `most` bytes of them."""
    seen, total = set(), 0
    for text in texts:
        for paragraph in text.split("\n\n"):
            if len(paragraph) < 20 or SEPARATOR in paragraph or hash(paragraph) in seen:
                continue
            seen.add(hash(paragraph))
            yield from documents((paragraph + "\n\n").splitlines(keepends=True))   # a table is longer than one
            total += len(paragraph.encode()) + 2
            if total >= most:
                return


def documents(parts):
    made, size = [], 0
    for part in parts:
        made.append(part)
        size += len(part.encode())
        if size >= DOCUMENT:
            yield "".join(made)
            made, size = [], 0
    if made:
        yield "".join(made)


def write(name, made):
    path = FOLDER / f"{name}.txt"
    path.write_text(SEPARATOR.join(made), encoding="utf-8")
    print(f"{path}: {len(made)} documents, {sum(len(one.encode()) for one in made) / 1e6:.1f} MB")


def make(megabytes):
    FOLDER.mkdir(parents=True, exist_ok=True)
    kinds = {"prose": documentation, "code": source, "scripts": messages}
    mixed = [one for kind, share in SHARES.items() for one in documents(paragraphs(kinds[kind](), share * megabytes * 1e6))]
    random.Random(1).shuffle(mixed)
    write("mixed", mixed)
    write("short", [one[begin : begin + LINE] for one in mixed for begin in range(0, len(one), LINE)])
    write("cjk", list(documents(paragraphs(messages(CJK), megabytes * 1e6))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=32)
    make(parser.parse_args().megabytes)


if __name__ == "__main__":
    sys.exit(main())
