#!/usr/bin/env python3
"""What every benchmark here shares: the machine and its state, the binary, the peers, medians, the file of results.

A peer runs in a process of its own, so that its memory and its threads are its own:

    python3 bench/peers.py torch-train MODEL_FOLDER --batch 4 --seq 256 --attention sdpa     # prints one JSON document
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
MODELS = ROOT / "build" / "bench-models"
BINARY = Path(os.environ.get("ORRERY", ROOT / "build" / "release" / "orrery"))
HALVED = 0.7  # a probe below this share of the best one: the machine is in its slow state

sys.path.insert(0, str(ROOT / "tests" / "parity"))
from make_config import write_config  # noqa: E402


def model_folder(shape):
    return write_config(shape, MODELS / shape)


def weighted_folder(shape, kind):
    """The same with random weights in float32, made once; `kind` is the class of transformers that makes them."""
    folder = model_folder(shape)
    if not (folder / "model.safetensors").exists():
        import torch
        import transformers

        torch.manual_seed(0)
        getattr(transformers, kind).from_config(transformers.AutoConfig.from_pretrained(folder)).float().save_pretrained(folder)
    return folder


# ---- the machine ----------------------------------------------------------------------------------------------------

def machine():
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gib": round(pages * page / 2**30, 1), "kernel": platform.release(), "kernels": orrery("bench", "machine")["kernels"]}


def peak(limits, name):
    """Of products in bf16, where the processor has none, that of those in f32, which then multiply them."""
    return limits[name] or limits["f32_gflops"]


def versions(*packages):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    found = {"orrery": commit, "python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in packages}


class Probe:
    """The speed of a float32 matrix product in PyTorch, GFLOP/s: a crude limit that tells the machine's state."""

    def __init__(self, threads, seconds=0.5, size=1024):
        import torch

        torch.set_num_threads(threads)
        self.seconds, self.size, self.best = seconds, size, 0.0
        self.left, self.right = torch.randn(size, size), torch.randn(size, size)
        for _ in range(10):
            self.left @ self.right

    def __call__(self):
        products, start = 0, time.perf_counter()
        while time.perf_counter() - start < self.seconds:
            self.left @ self.right
            products += 1
        speed = products * 2 * self.size**3 / (time.perf_counter() - start) / 1e9
        self.best = max(self.best, speed)
        return speed

    def was_slow(self, *probes):
        return min(probes) < HALVED * self.best

    def good_runs(self, taken, engines):
        """Of measurements with their "engine" and "probes": those of each engine that were not taken in the slow state. Engines without any are told and left out."""
        good = {name: [one for one in taken if one["engine"] == name and not self.was_slow(*one["probes"])] for name in engines}
        for name, runs in good.items():
            if not runs:
                print(f"  every run of {name} was taken in the slow state: repeat with more rounds")
        return {name: runs for name, runs in good.items() if runs}


# ---- processes ------------------------------------------------------------------------------------------------------

def status_bytes(pid, field):
    """One of the sizes in /proc/PID/status; None once the process has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def peak_bytes(pid):
    """VmHWM, the most memory the process ever held."""
    return status_bytes(pid, "VmHWM")


def full_pipe():
    """A pipe without room: whoever writes to it stands still until it is read. Returns (read end, write end, bytes in it)."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    held = 0
    for chunk in (b"\n" * 4096, b"\n"):
        try:
            while True:
                held += os.write(writer, chunk)
        except BlockingIOError:
            pass
    os.set_blocking(writer, True)
    return reader, writer, held


def run_measured(command, timeout, every=0.1):
    """Runs a command that prints its result at its end. Returns (what it printed, VmHWM when it had all but printed it, and the most memory
    without mapped files that was seen), looking `every` so many seconds: who looks takes a core from it for a moment."""
    reader, writer, held = full_pipe()
    deadline, peak, own = time.monotonic() + timeout, 0, 0
    with subprocess.Popen([str(word) for word in command], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE) as child:
        os.close(writer)
        while child.poll() is None:
            peak = max(peak, peak_bytes(child.pid) or 0)
            own = max(own, status_bytes(child.pid, "RssAnon") or 0)
            if writes_to_stdout(child.pid):
                peak = max(peak, peak_bytes(child.pid) or 0)
                break
            if time.monotonic() > deadline:
                child.kill()
                raise RuntimeError(f"{command[0]} took longer than {timeout} s")
            time.sleep(every)
        with os.fdopen(reader, "rb") as output:
            printed = output.read()[held:].decode()
        errors = child.stderr.read().decode()
        if child.wait() != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: {errors.strip()}")
    return printed, peak, own


def writes_to_stdout(pid):
    """Whether the main thread stands in write(1, ...) or writev(1, ...), x86-64's calls 1 and 20."""
    try:
        words = Path(f"/proc/{pid}/syscall").read_text().split()
    except OSError:
        return False
    return len(words) > 1 and words[0] in ("1", "20") and int(words[1], 16) == 1


def printed(*words):
    """What a command of the binary prints."""
    done = subprocess.run([str(BINARY), *map(str, words)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"orrery {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def orrery(*arguments, timeout=1800, every=0.1):
    """One command of the binary: its JSON, with `vm_hwm_bytes` of its process, and `own_bytes`, which is without mapped files."""
    printed, peak, own = run_measured([BINARY, *arguments, "--json"], timeout, every)
    return json.loads(printed) | {"vm_hwm_bytes": peak, "own_bytes": own}


def peer(name, *arguments, timeout=1800):
    command = [sys.executable, __file__, name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode < 0:
        raise RuntimeError(f"{name}: died of signal {-done.returncode}")
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


# ---- results --------------------------------------------------------------------------------------------------------

def summary(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "runs": len(values)}


def append_result(name, result):
    """Adds one run to bench/results/NAME.json, a list in order of time."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    runs = json.loads(path.read_text()) if path.exists() else []
    when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    runs.append({"when": when, "machine": machine(), **result})
    beside = path.with_suffix(".json.tmp-write")
    beside.write_text(json.dumps(runs, indent=1) + "\n")
    beside.replace(path)


def print_table(header, rows):
    cells = [header] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


# ---- the peers ------------------------------------------------------------------------------------------------------

def torch_train(arguments):
    """Training steps of transformers' model: forward, backward, AdamW. Random ids, dropout as the config says. In bf16: autocast, weights in float32."""
    import torch
    import transformers

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    config = transformers.AutoConfig.from_pretrained(arguments.model)
    empty = peak_bytes(os.getpid())
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=arguments.attention).float()
    model.train()
    model.config.use_cache = False
    try:
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    except RuntimeError:  # this build has no fused one for the CPU
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
    ids = torch.randint(0, config.vocab_size, (arguments.batch, arguments.seq))
    seconds = []
    for step in range(arguments.warmup + arguments.steps):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.dtype == "bf16"):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step >= arguments.warmup:
            seconds.append(time.perf_counter() - start)
    middle = statistics.median(seconds)
    return {
        "tokens_per_second": arguments.batch * arguments.seq / middle,
        "step_ms": 1000 * middle,
        "vm_hwm_bytes": peak_bytes(os.getpid()),
        "above_empty_bytes": peak_bytes(os.getpid()) - empty,
        "parameters": sum(p.numel() for p in model.parameters()),
        "fused_adamw": bool(optimiser.defaults.get("fused")),
    }


def random_ids(first, vocab_size, batch, count):
    import random

    draw = random.Random(0)
    return [[draw.randrange(first, vocab_size) for _ in range(count)] for _ in range(batch)]


def generation(arguments, read, write):
    """Medians of `repeat` after one of warm-up: `read(n)` takes the first n tokens of the prompts, `write(i)` token i of each of `batch` sequences. Of long prompts
    the warm-up is a part, as llama.cpp takes many minutes for them."""
    prefill, decode = [], []
    for tokens in [min(arguments.seq, 512)] + [arguments.seq] * arguments.repeat:
        start = time.perf_counter()
        read(tokens)
        prefill.append(time.perf_counter() - start)
        for i in range(tokens, tokens + arguments.steps):
            start = time.perf_counter()
            write(i)
            decode.append(time.perf_counter() - start)
    return {
        "prefill_tokens_per_second": arguments.batch * arguments.seq / statistics.median(prefill[1:]),
        "decode_tokens_per_second": arguments.batch / statistics.median(decode[arguments.steps :]),
        "vm_hwm_bytes": peak_bytes(os.getpid()),
    }


class LlamaCpp:
    """llama.cpp by its own interface: a model and a context with these parameters. Blocks in its layout for AMX end in a segmentation fault (0.3.36), so that where a
    processor has AMX it goes without layouts of its own; `own_layouts` tells."""

    def __init__(self, path, threads, n_batch, kv_type="F16", **settings):
        import llama_cpp

        self.of = llama_cpp
        self.log = llama_cpp.llama_log_callback(lambda level, text, data: None)   # kept, for llama.cpp keeps no reference to it
        llama_cpp.llama_log_set(self.log, None)
        of_model = llama_cpp.llama_model_default_params()
        self.own_layouts = of_model.use_extra_bufts = "amx_int8" not in Path("/proc/cpuinfo").read_text()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), of_model)
        params = llama_cpp.llama_context_default_params()
        params.n_threads = params.n_threads_batch = threads
        params.n_batch, params.type_k = n_batch, getattr(llama_cpp, f"GGML_TYPE_{kv_type}")
        params.type_v = params.type_k
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED if kv_type == "Q8_0" else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        for name, value in settings.items():
            setattr(params, name, value)
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        if not self.context:
            raise RuntimeError("llama.cpp made no context")
        self.vocab_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.batch = llama_cpp.llama_batch_init(n_batch, 0, 1)

    def clear(self):
        self.of.llama_memory_clear(self.of.llama_get_memory(self.context), True)

    def decode(self, entries):
        """(token, position, sequence, whether its logits are wanted) each"""
        batch = self.batch
        batch.n_tokens = len(entries)
        for i, (token, position, sequence, wanted) in enumerate(entries):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, position, 1, wanted
            batch.seq_id[i][0] = sequence
        if self.of.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama_decode failed")
        self.of.llama_synchronize(self.context)

    def logits(self, i):
        return self.of.llama_get_logits_ith(self.context, i)[: self.vocab_size]

    def close(self):
        self.of.llama_batch_free(self.batch)
        self.of.llama_free(self.context)
        self.of.llama_model_free(self.model)


def llama_cpp_generate(arguments):
    """Prompts of random tokens, each in one batch, then tokens one by one (of all sequences together)."""
    size = min(max(arguments.seq, arguments.batch), 2048)
    llama = LlamaCpp(arguments.model, arguments.threads, size, arguments.kv_dtype.upper(), n_ubatch=size if arguments.seq <= size else 512, n_seq_max=arguments.batch,
                     n_ctx=arguments.batch * (arguments.seq + arguments.steps + 8))
    ids = random_ids(0, llama.vocab_size, arguments.batch, arguments.seq + arguments.steps)

    def read(tokens):
        llama.clear()
        for sequence in range(arguments.batch):
            for begin in range(0, tokens, size):
                end = min(begin + size, tokens)
                llama.decode([(ids[sequence][i], i, sequence, i == tokens - 1) for i in range(begin, end)])

    return generation(arguments, read, lambda i: llama.decode([(ids[sequence][i], i, sequence, True) for sequence in range(arguments.batch)])) | {"own_layouts": llama.own_layouts}


def torch_generate(arguments):
    """The same by transformers, over its cache."""
    import torch
    import transformers

    torch.set_num_threads(arguments.threads)
    model = transformers.AutoModelForCausalLM.from_pretrained(arguments.model, dtype={"f32": torch.float32, "bf16": torch.bfloat16}[arguments.dtype]).eval()
    ids = torch.tensor(random_ids(0, model.config.vocab_size, arguments.batch, arguments.seq + arguments.steps))
    cache = None

    def run(begin, end):
        nonlocal cache
        with torch.inference_mode():
            cache = model(input_ids=ids[:, begin:end], past_key_values=cache, use_cache=True, logits_to_keep=1).past_key_values

    def read(tokens):
        nonlocal cache
        cache = None
        run(0, tokens)

    return generation(arguments, read, lambda i: run(i, i + 1))


# What bench/attention/main.cpp measures: queries, keys, causal, backward.
ATTENTION = {"forward": (4096, 4096, False, False), "forward causal": (4096, 4096, True, False), "both": (2048, 2048, False, True), "both causal": (2048, 2048, True, True),
             "one query": (1, 16384, False, False)}


def torch_attention(arguments):
    """scaled_dot_product_attention of 12 heads of 64."""
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[arguments.dtype]
    cases = []
    for name, (queries, keys, causal, backward) in ATTENTION.items():
        q, k, v, dout = (torch.randn(1, 12, rows, 64, dtype=dtype, requires_grad=backward) for rows in (queries, keys, keys, queries))

        def once():
            out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
            if backward:
                torch.autograd.grad(out, (q, k, v), dout)

        once()
        once()
        seconds, begin = [], time.perf_counter()
        while len(seconds) < 3 or time.perf_counter() - begin < 0.5:
            start = time.perf_counter()
            once()
            seconds.append(time.perf_counter() - start)
        cases.append({"name": name, "seconds": statistics.median(seconds)})
    return {"cases": cases}


def batches_of(ids, size):
    """Texts in order of length, `size` together, padded to the longest of them: places, ids and mask of each batch."""
    import numpy as np

    order = sorted(range(len(ids)), key=lambda text: len(ids[text]))
    for begin in range(0, len(order), size):
        texts = order[begin : begin + size]
        padded = np.zeros((len(texts), len(ids[texts[-1]])), np.int64)
        mask = np.zeros(padded.shape, np.int64)
        for row, text in enumerate(texts):
            padded[row, : len(ids[text])] = ids[text]
            mask[row, : len(ids[text])] = 1
        yield texts, padded, mask


def encode_texts(arguments, states):
    """Times `states(ids, mask)` over all lines of a file, in the best of some sizes of batch; keeps the means of the states, a row a text."""
    import numpy as np
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(Path(arguments.model) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    ids = [tokenizer.encode(line).ids for line in Path(arguments.texts).read_text().splitlines()]
    seconds = {}

    def once(batches):
        begin = time.perf_counter()
        for _, padded, mask in batches:
            states(padded, mask)
        return time.perf_counter() - begin

    for size in (1, 4, 16, 64):
        batches = list(batches_of(ids, size))
        once(batches)  # warms up
        seconds[size] = once(batches)
    best = min(seconds, key=seconds.get)
    batches = list(batches_of(ids, best))
    middle = statistics.median(once(batches) for _ in range(arguments.steps))
    if arguments.vectors:
        rows = [None] * len(ids)
        for texts, padded, mask in batches:
            made = np.asarray(states(padded, mask), np.float32)
            for row, text in enumerate(texts):
                rows[text] = made[row, : len(ids[text])].mean(axis=0)
        np.save(arguments.vectors, np.stack(rows))
    return {"texts_per_second": len(ids) / middle, "tokens_per_second": sum(map(len, ids)) / middle, "texts_together": best, "vm_hwm_bytes": peak_bytes(os.getpid())}


def torch_encode(arguments):
    """The states of transformers' model, in float32 or bfloat16."""
    import torch
    import transformers

    torch.set_num_threads(arguments.threads)
    model = transformers.AutoModel.from_pretrained(arguments.model, dtype={"f32": torch.float32, "bf16": torch.bfloat16}[arguments.dtype]).eval()

    def states(ids, mask):
        with torch.inference_mode():
            return model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state.float().numpy()

    return encode_texts(arguments, states)


def onnx_encode(arguments):
    """The same in ONNX Runtime, float32 or its dynamic quantisation to whole numbers of 8 bits; the files are kept under build/bench-models."""
    import numpy as np
    import onnx
    import onnxruntime
    import transformers
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from bert_onnx import write_bert

    folder = MODELS / "onnx" / Path(arguments.model).name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "f32.onnx"
    if not path.exists():
        write_bert(transformers.AutoModel.from_pretrained(arguments.model), path)
    if arguments.dtype == "int8":
        whole, path = path, folder / "int8.onnx"
        if not path.exists():
            quantize_dynamic(whole, path, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return encode_texts(arguments, lambda ids, mask: session.run(["states"], {"ids": ids, "mask": mask.astype(np.int32)})[0])


def timed_generation(arguments, once):
    once()
    once()
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        lengths = once()
        seconds.append(time.perf_counter() - begin)
        if set(lengths) != {arguments.steps}:
            raise RuntimeError(f"wrote {sorted(set(lengths))} tokens in place of {arguments.steps}")
    return {"tokens_per_second": arguments.batch * arguments.steps / statistics.median(seconds), "vm_hwm_bytes": peak_bytes(os.getpid())}


def torch_translate(arguments):
    """`batch` sources of `seq` random tokens, `steps` tokens written greedily by transformers; reading counts."""
    import torch
    import transformers

    torch.set_num_threads(arguments.threads)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(arguments.model, dtype={"f32": torch.float32, "bf16": torch.bfloat16}[arguments.dtype]).eval()
    ids = torch.tensor(random_ids(3, 32000, arguments.batch, arguments.seq))
    mask = torch.ones_like(ids)

    def once():
        with torch.inference_mode():
            written = model.generate(input_ids=ids, attention_mask=mask, do_sample=False, num_beams=1, min_new_tokens=arguments.steps, max_new_tokens=arguments.steps)
        return [len(row) - 1 for row in written]

    return timed_generation(arguments, once)


def ctranslate2_translate(arguments):
    """The same in CTranslate2; the converted model is kept under build/bench-models."""
    import ctranslate2

    folder = MODELS / "ctranslate2" / Path(arguments.model).name
    if not (folder / "model.bin").exists():
        ctranslate2.converters.TransformersConverter(arguments.model).convert(str(folder), force=True)
    model = ctranslate2.Translator(str(folder), compute_type={"f32": "float32", "int8": "int8"}[arguments.dtype], inter_threads=1, intra_threads=arguments.threads)
    words = json.loads((folder / "shared_vocabulary.json").read_text())
    sources = [[words[token] for token in source] for source in random_ids(3, 32000, arguments.batch, arguments.seq)]

    def once():
        made = model.translate_batch(sources, beam_size=1, min_decoding_length=arguments.steps, max_decoding_length=arguments.steps)
        return [len(one.hypotheses[0]) for one in made]

    return timed_generation(arguments, once)


PEERS = {"torch-train": torch_train, "llama-cpp": llama_cpp_generate, "torch-generate": torch_generate, "torch-attention": torch_attention, "torch-encode": torch_encode, "onnx-encode": onnx_encode,
         "torch-translate": torch_translate, "ctranslate2": ctranslate2_translate}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seq", type=int, default=256)
    parser.add_argument("--attention", choices=["eager", "sdpa"], default="sdpa")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--dtype", choices=["f32", "bf16", "int8"], default="f32")
    parser.add_argument("--kv-dtype", choices=["f16", "q8_0"], default="f16")
    parser.add_argument("--texts", help="a file of lines, for encoders")
    parser.add_argument("--vectors", help="where an encoder writes the means of its states, .npy")
    arguments = parser.parse_args()
    print(json.dumps(PEERS[arguments.peer](arguments)))


if __name__ == "__main__":
    main()
