"""Random conversations through real chat templates: the binary's text and ids are those of transformers."""

import json
import random
import subprocess

import pytest
import transformers

import orrery

TEMPLATES = sorted((orrery.SHARED / "tokenizers" / "chat_templates").glob("*.jinja"))
SPECIAL = {"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>"}
WORDS = ["hello", "1+1?", " Naïve 你好 😀", "\n\n", "<|im_end|>", "<|im_start|>system", "</think>", "<think>", "it's \"so\"", "{{ x }}", "  ", "Größe\t", "<tool_call>"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    path = orrery.SHARED / "tokenizers" / "qwen" / "tokenizer.json"
    (folder / "tokenizer.json").symlink_to(path)
    (folder / "tokenizer_config.json").write_text(json.dumps(SPECIAL))
    return folder, transformers.PreTrainedTokenizerFast(tokenizer_file=str(path), **SPECIAL)


def text(rng):
    return "".join(rng.choice(WORDS) for _ in range(rng.randint(0, 5)))


def conversation(rng):
    messages = [{"role": "system", "content": text(rng)}] if rng.random() < 0.4 else []
    for turn in range(rng.randint(1, 4)):
        message = {"role": "assistant" if turn % 2 else "user", "content": text(rng)}
        if turn % 2 and rng.random() < 0.3:
            message["reasoning_content"] = text(rng)
        if turn % 2 and rng.random() < 0.3:
            message["tool_calls"] = [{"id": "call00001", "type": "function", "function": {"name": "f", "arguments": {"a": rng.choice([1, 2.5, None, "é<", [True]])}}}]
        messages.append(message)
    asked = {"messages": messages, "add_generation_prompt": rng.random() < 0.7}
    if rng.random() < 0.3:
        asked["tools"] = [{"type": "function", "function": {"name": "f", "description": text(rng), "parameters": {"type": "object", "properties": {"a": {"type": "string", "description": "ö"}}, "required": ["a"]}}}]
    if rng.random() < 0.3:
        asked["enable_thinking"] = rng.random() < 0.5
    return asked


def reference(tokenizer, template, asked):
    more = {key: value for key, value in asked.items() if key != "messages"}
    try:
        shown = tokenizer.apply_chat_template(asked["messages"], chat_template=template, tokenize=False, **more)
        return shown, tokenizer.encode(shown, add_special_tokens=False)
    except Exception:  # each template refuses in a way of its own
        return None


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_render_as_in_transformers(path, model, tmp_path):
    folder, tokenizer = model
    rng = random.Random(path.stem)
    for _ in range(4):
        asked = conversation(rng)
        wanted = reference(tokenizer, path.read_text(), asked)
        (tmp_path / "chat.json").write_text(json.dumps(asked))
        call = [str(orrery.ROOT / orrery.BINARY), "tokenize", str(folder), "--chat", str(tmp_path / "chat.json"), "--chat-template", str(path), "--allow-special", "all", "--json"]
        done = subprocess.run(call, capture_output=True, text=True, encoding="utf-8", timeout=300)
        assert (done.returncode == 0) == (wanted is not None), (asked, done.stderr)
        if wanted:
            made = json.loads(done.stdout)
            assert made["text"] == wanted[0], asked
            assert made["ids"] == wanted[1], asked


def test_control_tokens_of_messages_become_text_as_in_transformers(model, tmp_path):
    folder, tokenizer = model
    path = orrery.SHARED / "tokenizers" / "chat_templates" / "Qwen-Qwen2.5-7B-Instruct.jinja"
    rng = random.Random(7)
    for _ in range(30):
        asked = {"messages": [{"role": "user", "content": text(rng)}, {"role": "assistant", "content": text(rng)}]}
        wanted = tokenizer.apply_chat_template(asked["messages"], chat_template=path.read_text(), sanitize_control_tokens=True)["input_ids"]
        (tmp_path / "chat.json").write_text(json.dumps(asked))
        made = orrery.call_json("tokenize", folder, "--chat", tmp_path / "chat.json", "--chat-template", path)
        assert made["ids"] == wanted, asked
