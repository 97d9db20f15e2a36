#!/usr/bin/env python3
"""Learning vocabularies of 32,000 tokens beside the packages people use: the same text, in turns, one thread and two.

    python3 bench/vocab_train.py [--rounds 3] [--threads 1 --threads 2] [--case byte-bpe] [--keep]

Byte-level BPE beside tokenizers, from the documents of bench/prose.py: both must learn the same tokens and merges. Unigram
beside sentencepiece, from their lines; every 32nd document is held out, and how likely it is under each vocabulary is
computed here, the same way for both. Wall and processor time of the whole work and the most memory that the process held;
a package's import is not counted. `--keep` appends the result to bench/results/vocab_train.json.
"""

import argparse
import collections
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
import unicodedata
from pathlib import Path

import peers
import prose

SIZE = 32_000
PEERS = {"byte-bpe": "tokenizers", "unigram": "sentencepiece"}
BETWEEN = "\n<|endoftext|>\n"
DOCUMENTS, LINES, HELD_OUT = (prose.FOLDER / f"{name}.txt" for name in ("documents", "lines", "held-out"))
TEXTS = {"byte-bpe": DOCUMENTS, "unigram": LINES}


def write_texts():
    if not (prose.FOLDER / "mixed.txt").exists():
        prose.make(32)
    documents = (prose.FOLDER / "mixed.txt").read_text(encoding="utf-8").replace("\r", "").split(prose.SEPARATOR)
    learned = [one for number, one in enumerate(documents, 1) if number % 32]
    DOCUMENTS.write_text(BETWEEN.join(learned) + "\n", encoding="utf-8")
    # White space beyond single blanks, which sentencepiece drops, is left out for both: likelihoods are of words.
    LINES.write_text("".join(" ".join(line.split()) + "\n" for one in learned for line in one.split("\n") if line.strip()), encoding="utf-8")
    HELD_OUT.write_text("".join(documents[31::32]), encoding="utf-8")


# ---- the engines: each learns in a process of its own, with `threads` threads, and leaves its vocabulary in a folder ----

def documents():
    rest = ""
    with open(DOCUMENTS, encoding="utf-8", newline="\n") as file:
        while block := file.read(1 << 20):
            *whole, rest = (rest + block).split(BETWEEN)
            yield from whole
    yield rest.removesuffix("\n")


def tokenizers(folder, threads):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=SIZE, special_tokens=["<|endoftext|>"], show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())

    def work():
        learner.train_from_iterator(documents(), trainer)
        learner.save(str(folder / "tokenizer.json"))

    return work


def sentencepiece(folder, threads):
    import sentencepiece as package

    return lambda: package.SentencePieceTrainer.train(
        input=str(LINES), model_prefix=str(folder / "vocab"), model_type="unigram", vocab_size=SIZE, character_coverage=1.0,
        max_sentence_length=1 << 24, num_threads=threads, minloglevel=1)


def peer_itself(engine, folder, threads):
    work = {"tokenizers": tokenizers, "sentencepiece": sentencepiece}[engine](folder, threads)
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - processor, "vm_hwm_bytes": peers.peak_bytes(os.getpid())}


def peer(engine, folder, threads):
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true"}
    command = [sys.executable, __file__, "--engine", engine, "--folder", folder, "--threads", str(threads)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3600)
    if done.returncode != 0:
        raise RuntimeError(f"{engine}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def orrery(case, folder, threads):
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    lines = ["--lines"] if case == "unigram" else []   # as sentencepiece reads them
    told = peers.orrery("vocab", "train", "--algorithm", case, "--size", SIZE, "-o", folder, TEXTS[case], "--threads", threads, *lines)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "processor_seconds": processor, "vm_hwm_bytes": told["vm_hwm_bytes"]}


# ---- what was learned -------------------------------------------------------------------------------------------------

def same_vocabulary(folders):
    models = [json.loads((folder / "tokenizer.json").read_text())["model"] for folder in folders]
    return models[0]["vocab"] == models[1]["vocab"] and models[0]["merges"] == models[1]["merges"]


def pieces_of(folder):
    if (folder / "vocab.model").exists():
        import sentencepiece as package

        model = package.SentencePieceProcessor(model_file=str(folder / "vocab.model"))
        return {model.id_to_piece(i): model.get_score(i) for i in range(model.get_piece_size()) if not model.is_control(i) and not model.is_unknown(i)}
    return {piece: score for piece, score in json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"] if score < 0}


def likelihood(pieces, text):
    """Of the text's words, summed over all ways to cut them: its logarithm for each character, and the characters of a token of the best way."""
    words = collections.Counter()
    for line in text.read_text(encoding="utf-8").split("\n"):
        words.update("\u2581" + word for word in unicodedata.normalize("NFKC", line).split())
    longest, unknown = max(map(len, pieces)), min(pieces.values()) - 10
    total = characters = tokens = 0
    for word, count in words.items():
        sums, best = [0.0], [(0.0, 0)]
        for end in range(1, len(word) + 1):
            ways, ranked = [], []
            for begin in range(max(0, end - longest), end):
                score = pieces.get(word[begin:end], unknown if end - begin == 1 else None)
                if score is not None:
                    ways.append(sums[begin] + score)
                    ranked.append((best[begin][0] + score, best[begin][1] - 1))
            most = max(ways)
            sums.append(most + math.log(sum(math.exp(way - most) for way in ways)))
            best.append(max(ranked))
        total += count * sums[-1]
        tokens -= count * best[-1][1]
        characters += count * len(word)
    return {"log_likelihood_per_character": total / characters, "characters_per_token": characters / tokens}


def compare(case, arguments, folder):
    engines = ("orrery", PEERS[case])
    folders = {name: folder / f"{case}-{name}" for name in engines}
    for one in folders.values():
        one.mkdir()
    taken = {threads: {name: [] for name in engines} for threads in arguments.threads}
    for _ in range(arguments.rounds):
        for threads in arguments.threads:
            for name in engines:
                run = orrery(case, folders[name], threads) if name == "orrery" else peer(name, folders[name], threads)
                taken[threads][name].append(run)
                print(f"  {case:9} {threads} threads  {name:14} {run['seconds']:7.2f} s  processor {run['processor_seconds']:7.2f} s  {run['vm_hwm_bytes'] / 1e6:6.0f} MB", flush=True)
    result = {"threads": {str(threads): {name: {"seconds": peers.summary([one["seconds"] for one in runs]),
                                                "processor_seconds": peers.summary([one["processor_seconds"] for one in runs]),
                                                "vm_hwm_bytes": max(one["vm_hwm_bytes"] for one in runs)}
                                         for name, runs in by_engine.items()}
                          for threads, by_engine in taken.items()}}
    if case == "byte-bpe":
        return result | {"same_vocabulary": same_vocabulary(list(folders.values()))}
    return result | {what: {name: likelihood(pieces_of(one), text) for name, one in folders.items()} for what, text in (("held_out", HELD_OUT), ("learned", LINES))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, action="append", help="1 and 2 unless named")
    parser.add_argument("--case", choices=PEERS, action="append", help="both unless named")
    parser.add_argument("--keep", action="store_true", help="append to bench/results/vocab_train.json")
    parser.add_argument("--engine", choices=PEERS.values(), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.threads = arguments.threads or [1, 2]
    if arguments.engine:
        return print(json.dumps(peer_itself(arguments.engine, arguments.folder, arguments.threads[0])))
    write_texts()
    with tempfile.TemporaryDirectory() as folder:
        cases = {case: compare(case, arguments, Path(folder)) for case in arguments.case or PEERS}
    rows = []
    for case, result in cases.items():
        for threads, engines in result["threads"].items():
            ours = engines["orrery"]
            for name, one in engines.items():
                ratios = [f"{one[time]['median'] / ours[time]['median']:.2f}" if name != "orrery" else "" for time in ("seconds", "processor_seconds")]
                rows.append([case, threads, name, f"{one['seconds']['median']:.2f}", ratios[0], f"{one['processor_seconds']['median']:.2f}", ratios[1], f"{one['vm_hwm_bytes'] / 1e6:.0f}"])
    print()
    peers.print_table(["algorithm", "threads", "engine", "seconds", "ours: times", "processor s", "ours: times", "MB"], rows)
    for result in cases.values():
        if "same_vocabulary" in result:
            print("the same tokens and merges" if result["same_vocabulary"] else "OTHER tokens and merges")
        for what, name, one in ((what, name, one) for what in ("held_out", "learned") for name, one in result.get(what, {}).items()):
            print(f"{name}: {what.replace('_', '-')} text {one['log_likelihood_per_character']:.4f} a character, {one['characters_per_token']:.3f} characters a token")
    if arguments.keep:
        peers.append_result("vocab_train", {"versions": peers.versions("tokenizers", "sentencepiece"), "vocab_size": SIZE,
                                            "bytes": DOCUMENTS.stat().st_size, "cases": cases})


if __name__ == "__main__":
    sys.exit(main())
