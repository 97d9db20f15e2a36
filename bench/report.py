#!/usr/bin/env python3
"""Writes docs/performance.md, and the README's table of claims, from the newest run in each file of bench/results.

    python3 bench/report.py
"""

import json

import peers

PAGE = peers.ROOT / "docs" / "performance.md"
README = peers.ROOT / "README.md"
CLAIMS = ("<!-- claims: written by bench/report.py -->", "<!-- end of claims -->")


def kept(name):
    path = peers.RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else []


def newest(name):
    runs = kept(name)
    return runs[-1] if runs else None


def newest_of(named):
    """The newest run of each case and class of kernels. named: (case, run), the oldest first. A run of before the class was recorded counts by its processor, and is left out
    where its case was run again on such a processor since the class is recorded."""
    found = {(*case, kernels_of(run) or run["machine"]["cpu"]): (case, run) for case, run in named}
    since = {(*case, run["machine"]["cpu"]) for case, run in found.values() if kernels_of(run)}
    return [run for case, run in found.values() if kernels_of(run) or (*case, run["machine"]["cpu"]) not in since]


def newest_of_each(name, **keys):
    """The newest run for each value of the keys, whose values of old are given: runs that were kept before there was a choice."""
    return newest_of((tuple(run.get(key, of_old) for key, of_old in keys.items()), run) for run in kept(name))


def newest_of_parts(name, parts, **keys):
    """The same for each of a run's `parts`, a run of that one alone."""
    return newest_of(((*(run.get(key, of_old) for key, of_old in keys.items()), part), run | {parts: {part: result}}) for run in kept(name) for part, result in run[parts].items())


def kernels_of(run):
    """The class of kernels that a run used; "" of runs that were kept before it was recorded."""
    return run["machine"].get("kernels", "")


def of_kernels(run):
    """What a heading says of them."""
    return f", kernels {kernels_of(run) or 'not recorded'}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def conditions(run):
    machine = run["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return f"{run['when'][:10]}; {machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB{of_kernels(run)}; {packages}."


def train(run):
    rows = []
    for shape, result in run["shapes"].items():
        ours, theirs = result["engines"].get("orrery"), result["engines"].get("torch")
        if not ours or not theirs:
            continue
        cells = [shape, f"{result['batch']}×{result['seq']}"]
        for engine in (ours, theirs):
            speed = engine["tokens_per_second"]
            cells.append(f"{speed['median']:.0f} ({speed['least']:.0f}–{speed['most']:.0f})")
            cells.append(f"{engine['vm_hwm_bytes'] / 2**30:.2f}")
        rows.append(cells + [result["torch_attention"], f"{result['ratio']:.2f}×"])
    return [f"## Training {', '.join(run['shapes'])}, " + ("products in bf16" if run.get("compute_dtype") == "bf16" else "float32") + of_kernels(run), "",
            "A step is forward, backward and AdamW on random tokens, dropout off. Both ran in turns on the same machine, each in its own process; "
            "PyTorch with the faster of its two attentions. Median of the rounds, spread in brackets; runs taken in the machine's slow "
            f"state are dropped. `python3 bench/train.py{' --compute-dtype bf16' if run.get('compute_dtype') == 'bf16' else ''} --keep`, {run['threads']} threads.", "",
            *table(["shape", "batch", "Orrery tok/s", "GiB", "PyTorch tok/s", "GiB", "attention", "ratio"], rows), "",
            f"Matrix products in PyTorch reached {run['probe_gflops']:.0f} GFLOP/s in the same run. " + conditions(run)]


def memory(run):
    rows = [[name, f"{case['planned_bytes'] / 1e6:.1f}", f"{case['taken_bytes'] / 1e6:.1f}", f"{100 * (case['taken_bytes'] / case['planned_bytes'] - 1):+.2f} %"]
            for name, case in run["cases"].items()]
    return ["## Memory: planned and taken", "",
            "The peak of the process's own memory, without mapped files: as known before anything runs, and as taken (RssAnon). MB. `python3 bench/memory.py --keep`.", "",
            *table(["case", "planned", "taken", "difference"], rows), "", conditions(run)]


def start(run):
    rows = [[name, *[f"{case[way]['least']:.2f} ({case[way]['median']:.2f})" for way in ("packed", "mapped")],
             f"{case['planned_bytes'] / 1e6:.1f}", f"{case['own_bytes'] / 1e6:.1f}", f"{case['mapped_bytes'] / 1e6:.0f}"] for name, case in run["cases"].items()]
    return ["## Start", "",
            f"{run['shape']}, bf16, random weights in files that the system holds in memory: seconds from the start of `orrery generate` to its end after one token, least and "
            "(median) of the rounds, where weights are packed and where they are mapped from `--packed-cache`; and of the latter the process's own memory in "
            "MB, as planned and as taken, and the mapped files. `python3 bench/start.py --keep`.", "",
            *table(["products", "packed", "mapped", "planned", "taken", "mapped files"], rows), "", conditions(run)]


KINDS = {"ids": "ids", "cold": "ids, first pass", "offsets": "with offsets"}
TEXTS = {"mixed": "prose, code and many scripts, documents of 20 kB", "cjk": "Chinese, Japanese and Korean, documents of 20 kB", "short": "prose, code and many scripts, documents of 50 characters"}


def tokenization(runs):
    lines = ["## Tokenizers", "",
             "MB of text a second, in words met before unless it is the first pass. `python3 bench/tokenization.py --text mixed --threads 1 --keep`."]
    for run in sorted(runs, key=lambda one: (list(TEXTS).index(one["text"]), one["threads"])):
        rows = []
        for case, engines in run["cases"].items():
            for name, kinds in engines.items():
                if name == "orrery":
                    continue
                for kind, theirs in kinds.items():
                    ours = engines["orrery"][kind]
                    rows.append([case, KINDS[kind], f"{ours['median']:.1f}", name, f"{theirs['median']:.1f}",
                                 f"{ours['median'] / theirs['median']:.2f}×"])
        lines += ["", f"### {TEXTS[run['text']]}; {run['threads']} thread{'s' if run['threads'] > 1 else ''}", "",
                  *table(["tokenizer", "what", "Orrery", "peer", "MB/s", "ratio"], rows), "", conditions(run)]
    return lines


def token_texts(run):
    rows = []
    for case, engines in run["cases"].items():
        ours = engines["orrery"]
        for name in (one for one in engines if one != "orrery"):
            latency, decoding = ([one[what]["median"] for one in (ours, engines[name])] for what in ("latency_us", "decoding"))
            rows.append([case, name, f"{latency[0]:.2f}", f"{latency[1]:.2f}", f"{latency[1] / latency[0]:.1f}×", f"{decoding[0]:.0f}", f"{decoding[1]:.1f}", f"{decoding[0] / decoding[1]:.1f}×"])
    return ["## One text, and back", "",
            "What a call with one text of 50 characters takes, in microseconds (the median of many, in words met before), and how fast ids of documents become text, in MB of text a second; one thread. "
            "`python3 bench/token_texts.py --keep`.", "",
            *table(["tokenizer", "peer", "Orrery us", "peer us", "ratio", "Orrery MB/s decoded", "peer", "ratio"], rows), "", conditions(run)]


def vocab_train(run):
    rows = []
    for case, result in run["cases"].items():
        for threads, engines in result["threads"].items():
            (_, ours), (name, theirs) = engines.items()
            times = [[one[what]["median"] for one in (ours, theirs)] for what in ("seconds", "processor_seconds")]
            cells = [(f"{mine:.2f}", f"{other:.2f}", f"{other / mine:.1f}×") for mine, other in times]
            rows.append([case, threads, name, *cells[0], *cells[1], f"{ours['vm_hwm_bytes'] / 1e6:.0f}", f"{theirs['vm_hwm_bytes'] / 1e6:.0f}"])
    found = [f"By {case} both learn the same tokens and merges." for case, result in run["cases"].items() if result.get("same_vocabulary")]
    for result in run["cases"].values():
        for what, of in (("held_out", "Held-out text"), ("learned", "The text that was learned")):
            if not (held := result.get(what)):
                continue
            found.append(f"{of}, its log-likelihood a character: " + ", ".join(f"{name} {one['log_likelihood_per_character']:.3f}" for name, one in held.items()) +
                         "; characters a token: " + ", ".join(f"{name} {one['characters_per_token']:.2f}" for name, one in held.items()) + ".")
    return ["## Learning vocabularies", "",
            f"{run['vocab_size']} tokens from {run['bytes'] / 1e6:.0f} MB of prose, code and many scripts, byte-level BPE beside tokenizers, Unigram beside sentencepiece, in turns. Seconds of the clock and of "
            "the processors, and the most memory held (VmHWM, MB). `python3 bench/vocab_train.py --keep`.", "",
            *table(["algorithm", "threads", "peer", "Orrery s", "peer s", "ratio", "Orrery processor s", "peer", "ratio", "Orrery MB", "peer MB"], rows), "", " ".join(found), "", conditions(run)]


def generate(runs):
    lines = ["## Reading and writing", "",
             "Random weights, a prompt and a few more tokens, tokens a second of all sequences together, in turns. llama.cpp reads the same file; PyTorch computes in bf16 or f32. Shares are of the peak of the "
             "format's products and of the bandwidth at which memory is read, measured before. More than 100 % of the latter is no error: small models lie partly in the last cache; the 2.2 GB "
             "of 1.1B in bf16 do not, but the limit is what a plain read of a tenth of a second reached, and other machines use the same memory, which gives more at one time than at "
             "another. `python3 bench/generate.py --keep`."]
    for run in runs:
        rows = []
        for name, case in run["cases"].items():
            ours = case["engines"].get("orrery")
            for peer, theirs in case["engines"].items():
                if peer == "orrery" or not ours:
                    continue
                cells = [name, peer]
                for kind, share in (("prefill_tokens_per_second", "prefill_share"), ("decode_tokens_per_second", "decode_share")):
                    mine, other = ours[kind]["median"], theirs[kind]["median"]
                    cells += [f"{mine:.1f}", f"{case[share]:.0%}" if share in case else "", f"{other:.1f}", f"{mine / other:.2f}×"]
                rows.append(cells)
        limits, batch = run["limits"], run.get("batch", 1)
        plain = any(one.get("own_layouts") is False for case in run["cases"].values() for one in case["taken"])
        lines += ["", f"### {run['shape']}, {batch} prompt{'s' if batch > 1 else ''} of {run['prompt']} tokens and {run['new']} more; keys and values in {run.get('kv_dtype', 'f16')}; {run['threads']} threads{of_kernels(run)}", "",
                  *table(["weights", "peer", "reading: Orrery", "of the limit", "the peer", "ratio", "writing: Orrery", "of the limit", "the peer", "ratio"], rows), "",
                  f"The machine before it: {limits['read_gb_per_second']:.1f} GB/s read, {limits['f32_gflops']:.0f} GFLOP/s in f32, {limits['bf16_gflops']:.0f} in bf16, {limits['int8_gops']:.0f} Gop/s in int8. " + ("llama.cpp without layouts of its own, which for AMX end in a crash. " if plain else "") + conditions(run)]
    return lines


def attention(run):
    rows = [[case, f"{one['queries']}×{one['keys']}", f"{one['speed']:.1f}", f"{one['share']:.0%}", *[f"{one['ratios'][name]:.2f}×" if name in one["ratios"] else "" for name in ("torch f32", "torch bf16")]]
            for case, one in run["cases"].items()]
    return [f"## Attention{of_kernels(run)}", "",
            f"12 heads of 64 beside PyTorch's scaled_dot_product_attention, {run['threads']} threads, in turns; GFLOP/s, of one query against a cache in bf16 GB/s, and the share of the peak of its products or of the "
            "read bandwidth (more than 100 %: see \"Reading and writing\"). `python3 bench/attention.py --keep`.", "",
            *table(["what", "queries×keys", "Orrery", "of the limit", "beside PyTorch f32", "beside PyTorch bf16"], rows), "", conditions(run)]


def loss_curves(run):
    rows = [[str(mark), *[f"{losses[i]:.4f}" for losses in run["curves"].values()]] for i, mark in enumerate(run["marks"])]
    return ["## Loss curves", "",
            f"A Llama of 15 million parameters from the same first weights on the same batches of {run['batch']}×{run['seq']} tokens; bf16: products alone here, autocast in PyTorch. Largest distance of two curves over "
            f"{run['steps']} steps, nats a token: " + "; ".join(f"{pair.replace(' | ', ' and ')} {most:.3f}" for pair, most in run["apart"].items()) + ". `python3 bench/loss_curves.py --keep`.", "",
            *table(["step", *run["curves"]], rows), "", conditions(run)]


def agreement(run):
    rows = [[name, *[f"{one[pair]['rms']:.1e}" for pair in ("ours_theirs", "ours_floats", "theirs_floats")], *[f"{one[key]:.3f}" for key in ("perplexity", "perplexity_llama_cpp", "perplexity_floats")]]
            for name, one in run["formats"].items()]
    return ["## The same bytes in llama.cpp", "",
            f"Logits of {run['model']} over {run['windows']} windows of {run['tokens']} tokens {'of ' + run['file'] if run['file'] else 'that it wrote itself'}, from one GGUF file: root mean square of the difference to that of the logits. Both engines round the "
            "other factor to 8 bits; \"floats\" is the same file without that rounding. `python3 bench/agreement.py --keep`.", "",
            *table(["format", "Orrery and llama.cpp", "Orrery and floats", "llama.cpp and floats", "perplexity", "llama.cpp's", "with floats"], rows), "", conditions(run)]


def busy(run):
    rows = [[name, *[f"{one[state]['median']:.1f}" for state in ("alone", "busy")], f"{one['left']:.0%}"] for name, one in run["engines"].items()]
    return [f"## Beside a busy process{of_kernels(run)}", "",
            f"{run['shape']} in {run['format']}, {run['threads']} threads: tokens written a second, alone and while another process spins on one of the cores. `python3 bench/busy.py --keep`.", "",
            *table(["engine", "alone", "beside it", "left"], rows), "", conditions(run)]


def encode(run):
    (case, result), = run["cases"].items()
    rows = []
    for name, engine in result["engines"].items():
        speed = engine["texts_per_second"]
        rows.append([name, f"{speed['median']:.1f} ({speed['least']:.1f}–{speed['most']:.1f})", f"{engine['vm_hwm_bytes'] / 2**30:.2f}", f"{engine['least_cosine']:.5f}"])
    return [f"## Sentences to vectors, {case}{of_kernels(run)}", "",
            f"{run['texts']} sentences of mixed length, {result['tokens_a_text']:.1f} tokens a text, the same tokens for all, {run['threads']} threads, in turns. The binary pads nothing; a peer reads texts in "
            "order of length, as many together as it is fastest with. Least cosine: of a text's mean state to PyTorch's in float32, of the one sentence that fares worst. Sentences are "
            "from the documentation that is installed: another machine has others, and another least cosine. `python3 bench/encode.py --keep`.", "",
            *table(["engine", "texts/s", "GiB", "least cosine"], rows), "",
            *table(["Orrery", "peer", "ratio"], [[one["ours"].removeprefix("orrery "), one["peer"], f"{one['ratio']:.2f}×"] for one in result["ratios"]]), "", conditions(run)]


def seq2seq(run):
    rows = []
    for name, engine in run["engines"].items():
        speed = engine["tokens_per_second"]
        rows.append([name, f"{speed['median']:.1f} ({speed['least']:.1f}–{speed['most']:.1f})", f"{engine['vm_hwm_bytes'] / 2**30:.2f}"])
    return [f"## Encoder-decoders{of_kernels(run)}", "",
            f"{run['shape']}, random weights, {run['batch']} source{'s' if run['batch'] > 1 else ''} of {run['source']} tokens, {run['new']} tokens written greedily, {run['threads']} threads, in turns. "
            "`python3 bench/seq2seq.py --keep`.", "",
            *table(["engine", "tokens/s", "GiB"], rows), "",
            *table(["Orrery", "peer", "ratio"], [[one["ours"].removeprefix("orrery "), one["peer"], f"{one['ratio']:.2f}×"] for one in run["ratios"]]), "", conditions(run)]


def matmul(run):
    rows = [[f"{one['m']}×{one['n']}×{one['k']}", one["kind"], str(taken["threads"]), f"{one['ours']:.0f}", f"{one['share']:.0%}", f"{one['onednn']:.0f}", f"{one['onednn_share']:.0%}", f"{one['ratio']:.2f}×"]
            for taken in run["taken"] for one in taken["products"]]
    return [f"## Matrix products{of_kernels(run)}", "",
            "Beside oneDNN, weights packed before by both, in one process and in turns; GFLOP/s by the clock and the share of the peak that `orrery bench machine` measured. Our rows come as float32 and "
            "are rounded within the product, oneDNN's come rounded; its whole numbers leave as such, ours are scaled, of int8 once and of q8_0 for every 32. Speeds are medians of the rounds, "
            "ratios the median of each round's: where the machine's speed changed between rounds, a ratio is not that of the two speeds beside it. `python3 bench/matmul.py --keep`.", "",
            *table(["m×n×k", "numbers", "threads", "Orrery", "of peak", "oneDNN", "of peak", "ratio"], rows), "", conditions(run)]


def claims(runs):
    """One row for each thing a user may ask first."""
    rows = []
    for run in runs["train"]:
        for shape, result in run["shapes"].items():
            if "ratio" in result:
                rows.append([f"training step, {shape}, {result['batch']}×{result['seq']}, {run.get('compute_dtype', 'f32')}{of_kernels(run)}", f"{result['engines']['orrery']['tokens_per_second']['median']:.0f} tokens/s",
                             f"PyTorch {run['versions']['torch']}: {result['engines']['torch']['tokens_per_second']['median']:.0f}", f"{result['ratio']:.2f}×"])
                held = [result["engines"][name]["vm_hwm_bytes"] / 2**30 for name in ("orrery", "torch")]
                rows.append([f"memory of that step, {shape}, {run.get('compute_dtype', 'f32')}{of_kernels(run)}", f"{held[0]:.2f} GiB", f"PyTorch: {held[1]:.2f} GiB", f"{held[0] / held[1]:.2f}×"])
    for run in runs["tokenization"]:
        if (run["text"], run["threads"]) != ("mixed", 1):
            continue
        for case, engines in run["cases"].items():
            for name, kinds in engines.items():
                if name == "orrery":
                    continue
                (ours, theirs), (ours_first, theirs_first) = ([engines[one][kind]["median"] for one in ("orrery", name)] for kind in ("ids", "cold"))
                rows.append([f"tokens of text, {case}, one thread: words met before (first pass)", f"{ours:.0f} MB/s ({ours_first:.0f})",
                             f"{name} {run['versions'][name]}: {theirs:.1f} ({theirs_first:.1f})", f"{ours / theirs:.2f}× ({ours_first / theirs_first:.2f}×)"])
    if run := runs["vocab_train"]:
        for case, result in run["cases"].items():
            (_, ours), (name, theirs) = result["threads"]["1"].items()
            seconds = [one["processor_seconds"]["median"] for one in (ours, theirs)]
            rows.append([f"learning a vocabulary of {run['vocab_size']}, {case}, one thread", f"{seconds[0]:.1f} s of processor time", f"{name} {run['versions'][name]}: {seconds[1]:.1f}", f"{seconds[1] / seconds[0]:.1f}×"])
    return table(["what", "Orrery", "peer, same machine and minute", "ratio"], rows)


def comparisons(runs):
    """Every speed beside a peer's that the page has, like numbers beside like: what, the peer, the class of kernels, ours divided by the peer's."""
    for run in runs["train"]:
        for shape, result in run["shapes"].items():
            if "ratio" in result:
                yield f"training {shape}, {run.get('compute_dtype', 'f32')}", "PyTorch", run, result["ratio"]
    for run in runs["tokenization"]:
        for case, engines in run["cases"].items():
            for name, kinds in engines.items():
                for kind in kinds if name != "orrery" else ():
                    yield f"{case}'s {KINDS[kind]}, {TEXTS[run['text']]}", name, run, engines["orrery"][kind]["median"] / kinds[kind]["median"]
    for run in filter(None, [runs["token_texts"]]):
        for case, engines in run["cases"].items():
            for name, theirs in engines.items():
                if name != "orrery":
                    yield f"one text, {case}", name, run, theirs["latency_us"]["median"] / engines["orrery"]["latency_us"]["median"]
                    yield f"decoding, {case}", name, run, engines["orrery"]["decoding"]["median"] / theirs["decoding"]["median"]
    for run in filter(None, [runs["vocab_train"]]):
        for case, result in run["cases"].items():
            for (_, ours), (name, theirs) in (engines.items() for engines in result["threads"].values()):
                yield f"learning a vocabulary, {case}", name, run, theirs["seconds"]["median"] / ours["seconds"]["median"]
    for run in runs["generate"]:
        for name, case in run["cases"].items():
            for peer, theirs in case["engines"].items():
                for what, kind in (("reading", "prefill_tokens_per_second"), ("writing", "decode_tokens_per_second")):
                    if peer != "orrery" and "orrery" in case["engines"]:
                        yield f"{what}, {run['shape']} in {name}", peer, run, case["engines"]["orrery"][kind]["median"] / theirs[kind]["median"]
    for run in runs["busy"]:
        for state, what in (("alone", "alone, before the busy process"), ("busy", "beside a busy process")):
            ours, theirs = (run["engines"][name][state]["median"] for name in ("orrery", "llama.cpp"))
            yield f"writing {what}, {run['shape']} in {run['format']}", "llama.cpp", run, ours / theirs
    for run in runs["encode"]:
        for case, result in run["cases"].items():
            for one in result["ratios"]:
                yield f"sentences to vectors, {case} in {one['ours'].removeprefix('orrery ')}", one["peer"], run, one["ratio"]
    for run in runs["seq2seq"]:
        for one in run["ratios"]:
            yield f"encoder-decoder, {run['shape']} in {one['ours'].removeprefix('orrery ')}", one["peer"], run, one["ratio"]
    for run in runs["attention"]:
        for case, one in run["cases"].items():
            kind = "bf16" if case.endswith("bf16") else "f32"
            what = "of one query, a cache of bf16" if one["queries"] == 1 else f"of many queries, {kind}"
            for peer, ratio in one["ratios"].items():
                if one["queries"] == 1 or peer == f"torch {kind}":
                    yield f"attention {what}", "PyTorch" + (" " + peer.removeprefix("torch ") if one["queries"] == 1 else ""), run, ratio
    for run in runs["matmul"]:
        for one in (one for taken in run["taken"] for one in taken["products"]):
            yield f"matrix products, {one['kind']}", "oneDNN" + ("'s int8" if one["kind"] == "q8_0" else ""), run, one["ratio"]


def behind(runs):
    """Where a peer is ahead: ratios of what is compared alike, the least to the most, by class of kernels."""
    found = {}
    for what, peer, run, ratio in comparisons(runs):
        found.setdefault((what, peer), {}).setdefault(kernels_of(run) or f"not recorded ({run['machine']['cpu']})", []).append(ratio)
    rows = []
    for (what, peer), classes in found.items():
        for kernels, ratios in classes.items():
            ratios = [round(ratio, 2) for ratio in ratios]
            if slower := sum(ratio < 1 for ratio in ratios):
                rows.append([what, peer, kernels, "–".join(f"{end:.2f}" for end in sorted({min(ratios), max(ratios)})) + "×", f"{slower} of {len(ratios)}"])
    return table(["what", "peer", "kernels", "ratio of speeds", "peer ahead in"], rows)


def write_claims(runs):
    text = README.read_text()
    begin, end = (text.index(mark) for mark in CLAIMS)
    lead = ["Peers are ahead in the following, of everything that [docs/performance.md](docs/performance.md) compares. Ratios are of speeds, from the least to the greatest; f32 is set beside "
            "f32, bf16 beside bf16, q8_0, which has a scale for every 32 numbers, beside plain int8."]
    README.write_text(text[: begin + len(CLAIMS[0])] + "\n\n" + "\n".join([*claims(runs), "", *lead, "", *behind(runs)]) + "\n\n" + text[end:])


def main():
    runs = {name: newest(name) for name in ("memory", "start", "token_texts", "vocab_train", "agreement", "loss_curves")}
    runs |= {name: newest_of_each(name) for name in ("attention", "busy", "seq2seq", "matmul")}
    runs["train"] = newest_of_parts("train", "shapes", compute_dtype="f32")
    runs["encode"] = newest_of_parts("encode", "cases")
    runs["tokenization"] = list({(run["text"], run["threads"]): run for run in kept("tokenization")}.values())
    runs["generate"] = newest_of_each("generate", shape="llama-110m", prompt=512, batch=1, kv_dtype="f16")
    lines = ["# Performance", "", "Made by `bench/report.py` from `bench/results/`; the machine is shared, so read the ratios, not the bare speeds."]
    for run in runs["train"]:
        lines += ["", *train(run)]
    for name, section in (("loss_curves", loss_curves), ("memory", memory), ("start", start), ("tokenization", tokenization), ("token_texts", token_texts), ("vocab_train", vocab_train), ("generate", generate), ("agreement", agreement)):
        if runs[name]:
            lines += ["", *section(runs[name])]
    for name, section in (("attention", attention), ("busy", busy), ("encode", encode), ("seq2seq", seq2seq), ("matmul", matmul)):
        for run in runs[name]:
            lines += ["", *section(run)]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(lines) + "\n")
    write_claims(runs)
    print(PAGE.relative_to(peers.ROOT), README.relative_to(peers.ROOT))


if __name__ == "__main__":
    main()
