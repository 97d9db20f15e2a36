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


def newest_of_each(name, *of_run, **keys):
    """The newest run for each value of the functions and of the keys, whose values of old are given: runs that were kept before there was a choice."""
    return list({(*(function(run) for function in of_run), *(run.get(key, of_old) for key, of_old in keys.items())): run for run in kept(name)}.values())


def newest_of_parts(name, parts, *of_run):
    """The same for each of a run's `parts`, a run of that one alone."""
    return list({(*(function(run) for function in of_run), part): run | {parts: {part: result}} for run in kept(name) for part, result in run[parts].items()}.values())


def kernels_of(run):
    """The class of kernels that a run used; "" of runs that were kept before there was a choice."""
    return run["machine"].get("kernels", "")


def of_kernels(run):
    """What a heading says of them."""
    return f", kernels {kernels_of(run)}" if kernels_of(run) else ""


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
                    rows.append([case, {"ids": "ids", "cold": "ids, first pass", "offsets": "with offsets"}[kind], f"{ours['median']:.1f}", name, f"{theirs['median']:.1f}",
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
             "format's products and of the bandwidth at which memory is read, measured before. `python3 bench/generate.py --keep`."]
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
            "read bandwidth. `python3 bench/attention.py --keep`.", "",
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
    lines = [f"## Sentences to vectors{of_kernels(run)}", "",
             f"{run['texts']} sentences of mixed length, the same tokens for all, {run['threads']} threads, in turns. The binary pads nothing; a peer reads texts in order of length, as many "
             "together as it is fastest with. Least cosine: of a text's mean state to PyTorch's in float32. `python3 bench/encode.py --keep`."]
    for case, result in run["cases"].items():
        rows = []
        for name, engine in result["engines"].items():
            speed = engine["texts_per_second"]
            rows.append([name, f"{speed['median']:.1f} ({speed['least']:.1f}–{speed['most']:.1f})", f"{engine['vm_hwm_bytes'] / 2**30:.2f}", f"{engine['least_cosine']:.5f}"])
        lines += ["", f"### {case}, {result['tokens_a_text']:.0f} tokens a text", "", *table(["engine", "texts/s", "GiB", "least cosine"], rows), "",
                  *table(["Orrery", "peer", "ratio"], [[one["ours"].removeprefix("orrery "), one["peer"], f"{one['ratio']:.2f}×"] for one in result["ratios"]])]
    return lines + ["", conditions(run)]


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
            "are rounded within the product, oneDNN's come rounded; its whole numbers leave as such, ours are scaled, of int8 once and of q8_0 for every 32. `python3 bench/matmul.py --keep`.", "",
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
                rows.append([f"memory of that step, {shape}{of_kernels(run)}", f"{held[0]:.2f} GiB", f"PyTorch: {held[1]:.2f} GiB", f"{held[0] / held[1]:.2f}×"])
    for run in runs["tokenization"]:
        if (run["text"], run["threads"]) != ("mixed", 1):
            continue
        for case, engines in run["cases"].items():
            ours = engines["orrery"]["ids"]["median"]
            for name, kinds in engines.items():
                if name != "orrery":
                    rows.append([f"tokens of text, {case}, one thread", f"{ours:.0f} MB/s", f"{name} {run['versions'][name]}: {kinds['ids']['median']:.1f}", f"{ours / kinds['ids']['median']:.2f}×"])
    if run := runs["vocab_train"]:
        for case, result in run["cases"].items():
            (_, ours), (name, theirs) = result["threads"]["1"].items()
            seconds = [one["processor_seconds"]["median"] for one in (ours, theirs)]
            rows.append([f"learning a vocabulary of {run['vocab_size']}, {case}, one thread", f"{seconds[0]:.1f} s of processor time", f"{name} {run['versions'][name]}: {seconds[1]:.1f}", f"{seconds[1] / seconds[0]:.1f}×"])
    return table(["what", "Orrery", "peer, same machine and minute", "ratio"], rows)


def write_claims(runs):
    text = README.read_text()
    begin, end = (text.index(mark) for mark in CLAIMS)
    README.write_text(text[: begin + len(CLAIMS[0])] + "\n\n" + "\n".join(claims(runs)) + "\n\n" + text[end:])


def main():
    runs = {name: newest(name) for name in ("memory", "start", "token_texts", "vocab_train", "agreement", "loss_curves")}
    runs |= {name: newest_of_each(name, kernels_of) for name in ("attention", "busy", "seq2seq", "matmul")}
    runs["train"] = newest_of_parts("train", "shapes", kernels_of, lambda run: run.get("compute_dtype", "f32"))
    runs["encode"] = newest_of_parts("encode", "cases", kernels_of)
    runs["tokenization"] = newest_of_each("tokenization", text="mixed", threads=1)
    runs["generate"] = newest_of_each("generate", kernels_of, shape="llama-110m", prompt=512, batch=1, kv_dtype="f16")
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
