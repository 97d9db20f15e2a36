"""The binary beside tokenizers, sentencepiece and tiktoken on as many random strings as one has time for.

    python tests/parity/differential.py --list
    python tests/parity/differential.py --strings 10000000 --seed 1 gpt2 t5-spm cl100k_base

Ids of every string (without offsets, those of a batch one after another), and for one in twenty ids again with tokens, offsets,
types, words and decoded text, as far as the package tells them. Three of four batches go with the special tokens a tokenizer.json
adds and, by rank files, without those that texts name; the fourth the other way. --bytes damages the strings: what is no UTF-8.
A row of differential.md says what was compared; the first strings that differ are printed, and the exit code is 1.
"""

import argparse
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zlib
from itertools import chain
from pathlib import Path

os.environ.setdefault("RAYON_NUM_THREADS", "2")

import numpy  # noqa: E402
import sentencepiece  # noqa: E402
import tiktoken  # noqa: E402
import tokenizers  # noqa: E402

import orrery  # noqa: E402
import texts  # noqa: E402
from random_strings import RandomStrings  # noqa: E402

TOKENIZERS = orrery.SHARED / "tokenizers"
TABLE = Path(__file__).with_name("differential.md")
BATCH = 100_000
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SHARE = 20      # one string in so many is compared in full


class HuggingFace:
    """A tokenizer.json, or what stands for it, by `tokenizers`. Every fourth batch goes without the model's special tokens."""

    package = f"tokenizers {tokenizers.__version__}"

    def __init__(self, path, reference=None, format="tokenizer.json", given=()):
        self.path, self.format, self.given = path, format, given
        self.reference = reference or tokenizers.Tokenizer.from_file(str(path))
        self.reference.no_truncation()
        self.reference.no_padding()
        told = json.loads(self.reference.to_str())
        self.kind = {"BPE": "byte-level BPE" if '"ByteLevel"' in self.reference.to_str() else "BPE"}.get(told["model"]["type"], told["model"]["type"])
        self.special = [token["content"] for token in told["added_tokens"]]
        known = sorted(self.reference.get_vocab().items(), key=lambda entry: entry[1])
        if self.kind == "byte-level BPE":
            shown = self.reference.decode_batch([[i] for _, i in known], skip_special_tokens=False)
            self.vocabulary = [text for text in shown if "\ufffd" not in text]
        else:
            self.vocabulary = [re.sub("^##|</w>$", "", token.replace("▁", " ")) for token, _ in known]

    def flags(self, number):
        return ["--no-special"] if number % 4 == 3 else []

    def ids(self, strings, number):
        return [e.ids for e in self.reference.encode_batch_fast(strings, add_special_tokens=number % 4 != 3)]

    def rows(self, strings, number):
        encoded = self.reference.encode_batch(strings, add_special_tokens=number % 4 != 3)
        decoded = self.reference.decode_batch([e.ids for e in encoded], skip_special_tokens=True)
        return [{"ids": e.ids, "tokens": e.tokens, "offsets": [list(span) for span in e.offsets], "type_ids": e.type_ids, "special": e.special_tokens_mask,
                 "words": e.word_ids, "decoded": text} for e, text in zip(encoded, decoded)]


class SentencePiece:
    """A .model by `sentencepiece`."""

    package = f"sentencepiece {sentencepiece.__version__}"
    damaged = False     # whether strings are bytes that are no UTF-8

    def __init__(self, path, kind, given=(), format=".model"):
        self.path, self.kind, self.given, self.format = path[0], kind, given, format
        self.reference = sentencepiece.SentencePieceProcessor(model_file=str(path[-1]))
        pieces = [self.reference.id_to_piece(i) for i in range(self.reference.get_piece_size())]
        self.vocabulary = [piece.replace("▁", " ") for piece in pieces]
        self.special = ["<s>", "</s>", "<unk>", "<0x0A>", *(p for i, p in enumerate(pieces) if self.reference.is_control(i))]

    def flags(self, number):
        return ["--offsets", "byte"]

    def ids(self, strings, number):
        return self.reference.encode(strings, out_type=int, num_threads=2)

    def rows(self, strings, number):
        if self.damaged:
            return [{"ids": one, "decoded": self.reference.decode(one)} for one in self.ids(strings, number)]
        encoded = [self.reference.encode(text, return_type="proto").pieces for text in strings]
        ids = [[piece.id for piece in pieces] for pieces in encoded]
        if self.format != ".model":
            return [{"ids": one} for one in ids]
        return [{"ids": one, "tokens": [piece.piece for piece in pieces], "offsets": [[piece.begin, piece.end] for piece in pieces],
                 "decoded": self.reference.decode(one)} for one, pieces in zip(ids, encoded)]


class Tiktoken:
    """A rank file by `tiktoken`. Every fourth batch reads special tokens."""

    package = f"tiktoken {tiktoken.__version__}"
    format = "rank file"
    kind = "byte-level BPE"
    damaged = False     # whether strings are bytes that are no UTF-8

    def __init__(self, entry):
        self.path = TOKENIZERS / entry["file"]
        ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in self.path.read_bytes().splitlines() if line)}
        special = dict(entry.get("special_tokens", {}))
        for token in entry.get("special_list", []):
            special[token] = len(ranks) + len(special)
        self.special = list(special)
        self.vocabulary = [text for text in (token.decode(errors="replace") for token in ranks) if "\ufffd" not in text]
        self.reference = tiktoken.Encoding(entry["name"], pat_str=entry["pat"], mergeable_ranks=ranks, special_tokens=special)
        self.given = ("--pattern", entry["pat"], "--special-tokens", json.dumps(special))

    def flags(self, number):
        return [] if self.reads_special(number) else ["--allow-special", "none"]

    def reads_special(self, number):
        return number % 4 == 3 and not self.damaged

    def ids(self, strings, number):
        if self.damaged:
            return [self.reference._encode_bytes(text) for text in strings]
        if self.reads_special(number):
            return [self.reference.encode(text, allowed_special="all") for text in strings]
        encode = self.reference._core_bpe.encode_ordinary      # what Encoding.encode_ordinary calls
        return [encode(text) for text in strings]

    def rows(self, strings, number):
        decode = not self.damaged and not self.reads_special(number)    # the binary leaves special tokens out of what it decodes
        return [{"ids": one, **({"decoded": text} if decode else {})} for one, text in zip(self.ids(strings, number), strings)]


def small_model(kind):
    """A sentencepiece model that is made here; the ones at hand have no words and characters alone."""
    corpus, folder = texts.stories(300, seed=1) + texts.difficult(1500, seed=2), Path(tempfile.gettempdir()) / "orrery-differential"
    folder.mkdir(exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus), model_prefix=str(folder / kind), model_type=kind, vocab_size=4000, minloglevel=2,
                                             character_coverage=0.98, hard_vocab_limit=False, num_threads=1, user_defined_symbols=["<sep>", "the the"])
    return folder / f"{kind}.model"


def o200k_style(ranks):
    """cl100k's ranks under o200k's expression, as a tokenizer.json."""
    folder = Path(tempfile.gettempdir()) / "orrery-differential" / "o200k-style"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(orrery.ROOT / orrery.BINARY), "vocab", "convert", str(ranks), "--pattern", O200K, "--to", "tokenizer.json", "-o", str(folder)], check=True, capture_output=True)
    return folder / "tokenizer.json"


def loose_byte_level(folder):
    reference = tokenizers.ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), trim_offsets=True)._tokenizer
    reference.add_special_tokens(["<|endoftext|>"])
    return reference


def subjects():
    """name -> how to make the pair of them; files alone are opened when it is their turn."""
    listed = {entry["name"]: entry for entry in json.loads((TOKENIZERS / "tokenizers.list.json").read_text())["tokenizers"]}
    known = {}
    for name in ("gpt2", "llama3", "qwen", "falcon", "gpt-neox-20b", "clip", "whisper", "llama2", "phi-3-mini", "bert-base-uncased", "t5"):
        known[name] = lambda name=name: HuggingFace(TOKENIZERS / name / "tokenizer.json")
    known["wordlevel"] = lambda: HuggingFace(TOKENIZERS / "training/wordlevel.json")
    for path in sorted((TOKENIZERS / "synthetic").glob("*.json")):
        known[f"synthetic/{path.stem}"] = lambda path=path: HuggingFace(path)
    cased = TOKENIZERS / "bert-base-multilingual-cased/vocab.txt"
    known["bert-base-multilingual-cased"] = lambda: HuggingFace(
        cased, tokenizers.BertWordPieceTokenizer(str(cased), lowercase=False, strip_accents=None)._tokenizer, "vocab.txt")
    known["gpt2-files"] = lambda: HuggingFace(TOKENIZERS / "gpt2/vocab.json", loose_byte_level(TOKENIZERS / "gpt2"), "vocab.json, merges.txt")
    for name, kind in (("t5-spm", "Unigram"), ("llama2-spm", "BPE"), ("spm-test", "Unigram"), ("spm-test-ja", "Unigram")):
        known[name] = lambda name=name, kind=kind: SentencePiece([TOKENIZERS / listed[name]["file"]], kind)
    for kind, name in (("unigram", "Unigram"), ("bpe", "BPE"), ("char", "characters"), ("word", "words")):
        known[f"small-{kind}-spm"] = lambda kind=kind, name=name: SentencePiece([small_model(kind)], name)
    for entry in (*listed.values(), {**listed["cl100k_base"], "name": "o200k-style", "pat": O200K}):
        if entry["kind"] == "tiktoken":
            known[f"{entry['name']}-ranks"] = lambda entry=entry: Tiktoken(entry)
    known["o200k-style"] = lambda: HuggingFace(o200k_style(TOKENIZERS / listed["cl100k_base"]["file"]))
    plain = ("--no-special", "--allow-special", "none")      # the .model names no tokens in texts
    known["llama-gguf"] = lambda: SentencePiece([TOKENIZERS / "gguf/ggml-vocab-llama-spm.gguf", TOKENIZERS / "llama2/tokenizer.model"], "BPE", plain, "GGUF")
    known["bert-gguf"] = lambda: HuggingFace(TOKENIZERS / "gguf/ggml-vocab-bert-bge.gguf",
                                             tokenizers.Tokenizer.from_file(str(TOKENIZERS / "bert-base-uncased/tokenizer.json")), "GGUF")
    return known


def binary(subject, records, number, *more):
    command = [str(orrery.ROOT / orrery.BINARY), "tokenize", str(subject.path), "--jsonl", str(records), *subject.given, *subject.flags(number), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=orrery.ROOT)


def rows_of(process):
    out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.decode().split("\n") if line]


def compare_in_full(subject, strings, records, number, folder):
    """The strings of which some field differs, each with what the two say."""
    path = folder / "full.jsonl"
    path.write_bytes(records)
    process = binary(subject, path, number, "--json")
    wanted = subject.rows(strings, number)
    found = rows_of(process)
    assert len(found) == len(wanted)
    return [(text, key, row[key], one[key]) for text, row, one in zip(strings, found, wanted) for key in one if row[key] != one[key]]


def compare_batch(subject, number, strings, records, folder):
    path, answer = folder / "texts.jsonl", folder / "ids.npy"
    path.write_bytes(records)
    process = binary(subject, path, number, "-o", str(answer))
    ids = subject.ids(strings, number)
    expected = numpy.fromiter(chain.from_iterable(ids), numpy.uint32)
    err = process.communicate()[1]
    assert process.returncode == 0, err.decode()
    lines = records.split(b"\n")[:-1]
    different = []
    if not numpy.array_equal(numpy.load(answer), expected):      # all in full then, which also says where
        different = compare_in_full(subject, strings, records, number, folder)
        different = different or [("", "ids of a batch without offsets", f"batch {number}", "")]
    chosen = range(number % SHARE, len(strings), SHARE)
    return different or compare_in_full(subject, [strings[i] for i in chosen], b"".join(lines[i] + b"\n" for i in chosen), number, folder)


def search(name, make, count, seed, damaged=False):
    """The row that says what was compared."""
    subject, begin = make(), time.monotonic()
    if damaged:
        assert not isinstance(subject, HuggingFace), f"{subject.package} reads text alone"
        subject.damaged = True
    made = RandomStrings(subject.vocabulary, subject.special, (seed, zlib.crc32(name.encode())))
    differences, done, number = 0, 0, 0
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        while done < count:
            size = min(BATCH, count - done)
            different = compare_batch(subject, number, *(made.damaged if damaged else made.batch)(number, size), Path(folder))
            for text, key, ours, theirs in different[:5]:
                print(f"{name}, batch {number}, {key} of {text!r}\n  orrery    {ours}\n  reference {theirs}", flush=True)
            differences += len({text for text, *_ in different})
            done, number = done + size, number + 1
    label = f"{name}, bytes" if damaged else name
    print(f"{label}: {done} strings, {differences} different, {time.monotonic() - begin:.0f} s", flush=True)
    return f"| {subject.format} | {label} | {subject.kind} | {subject.package} | {done:,} | {seed} | {differences} |"


def record(row):
    """Puts a row in its place; a longer search of the same name takes the place of a shorter one."""
    lines = TABLE.read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("| ---")) + 1
    cells = {tuple(line.split(" | ")[:2]): line for line in lines[head:]}
    key = tuple(row.split(" | ")[:2])
    strings = lambda line: int(line.split(" | ")[4].replace(",", ""))  # noqa: E731
    if key not in cells or strings(row) >= strings(cells[key]):
        cells[key] = row
    TABLE.write_text("\n".join(lines[:head] + [cells[key] for key in sorted(cells)]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="which tokenizers; `synthetic` is all of these")
    parser.add_argument("--strings", type=int, default=100_000, help="for each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bytes", action="store_true", help="strings that are no UTF-8, for .model and rank files")
    parser.add_argument("--list", action="store_true")
    given, known = parser.parse_args(), subjects()
    if given.list:
        print("\n".join(known))
        return 0
    chosen = [name for one in given.names or known for name in known if name == one or name.startswith(f"{one}/")]
    rows = []
    for name in chosen:
        rows.append(search(name, known[name], given.strings, given.seed, damaged=given.bytes))
        record(rows[-1])
    return int(not all(row.endswith("| 0 |") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
