"""`orrery tokenize --chat` and `generate --chat`: what a user sees of conversations and chat templates."""
import json
import unittest

from orrery import Case

PLAIN = "examples/chat/plain.jinja"


class Chat(Case):
    def chat(self, messages, *args, code=0):
        (self.folder / "c.json").write_text(json.dumps(messages))
        self.before.add("c.json")
        call = ("tokenize", "storyteller", "--chat", "c.json", *args)
        return self.fails(code, *call) if code else json.loads(self.succeeds(*call, "--json"))

    def template(self, text):
        (self.folder / "t.jinja").write_text(text)
        self.before.add("t.jinja")
        return "t.jinja"

    def test_a_conversation_becomes_a_prompt(self):
        made = self.chat([{"role": "user", "content": " Hi "}, {"role": "assistant", "content": "Yes."}], "--chat-template", PLAIN)
        self.assertTrue(made["text"].startswith("user: Hi\nassistant: Yes."))
        self.assertEqual(len(made["ids"]), len(made["tokens"]))
        self.assertEqual(len(made["ids"]), len(made["assistant_mask"]))
        self.assertIn(1, made["assistant_mask"])
        self.assertEqual(0, made["assistant_mask"][0])
        shown = self.succeeds("tokenize", "storyteller", "--chat", "c.json", "--chat-template", PLAIN, "--add-generation-prompt")
        self.assertIn("assistant:\n", shown)

    def test_a_user_writes_no_control_token(self):
        plain = json.loads(self.succeeds("tokenize", "storyteller", "<|endoftext|></s><s>", "--json"))
        control = [token for token, special in zip(plain["tokens"], plain["special"]) if special]
        named = next(t for t in ("<|endoftext|>", "</s>", "<s>") if t in plain["tokens"])
        template = self.template("{{ messages[0].content }}" + named)
        call = [{"role": "user", "content": "a" + named + "b"}]
        guarded = self.chat(call, "--chat-template", template)
        open_ = self.chat(call, "--chat-template", template, "--allow-special", "all")
        self.assertEqual(1, guarded["tokens"].count(named), control)
        self.assertEqual(2, open_["tokens"].count(named))
        self.assertEqual(guarded["text"], open_["text"])
        half = self.chat([{"role": "user", "content": named[1:]}], "--chat-template", self.template(named[0] + "{{ messages[0].content }}"))
        self.assertEqual(0, half["tokens"].count(named))

    def test_errors_say_where(self):
        user = [{"role": "user", "content": "a"}]
        self.assertIn("t.jinja, line 2, column", self.chat(user, "--chat-template", self.template("a\n{{ nothing.here }}"), code=1))
        self.assertIn("no chat template", self.chat(user, code=1))
        self.assertIn("no chat template", self.chat(user, "--chat-template", "nowhere", code=1))
        self.assertIn("no messages", self.chat([], "--chat-template", PLAIN, code=1))
        self.assertIn("steps", self.chat(user, "--chat-template", self.template("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"), code=1))
        self.fails(2, "tokenize", "storyteller", "text", "--chat", "c.json", "--chat-template", PLAIN)

    def answer(self, *args):
        return json.loads(self.succeeds("generate", "storyteller", "--max-new-tokens", "6", *args, "--json"))

    def test_a_model_answers_a_conversation(self):
        messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Tell me <|endoftext|> about a fox."}]
        prompt = self.chat(messages, "--chat-template", PLAIN, "--add-generation-prompt")["ids"]
        expected = self.answer("--prompt-ids", ",".join(map(str, prompt)))
        self.assertEqual(len(prompt), expected["prompt_tokens"])
        ways = [("--messages", "c.json"), ("--chat", "-p", messages[1]["content"], "--system", messages[0]["content"])]
        (self.folder / "p.jsonl").write_text(json.dumps({"messages": messages}) + "\n")
        self.before.add("p.jsonl")
        ways.append(("--jsonl", "p.jsonl"))
        for way in ways:
            made = self.answer(*way, "--chat-template", PLAIN)
            self.assertEqual((expected["prompt_tokens"], expected["ids"]), (made["prompt_tokens"], made["ids"]), way)
        open_ = self.answer(*ways[0], "--chat-template", PLAIN, "--allow-special", "all")
        self.assertLess(open_["prompt_tokens"], len(prompt))   # the name is one token then

    def test_the_last_message_is_gone_on_with(self):
        messages = [{"role": "user", "content": "A fox?"}, {"role": "assistant", "content": "Once upon a"}]
        template = self.template("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
        prompt = self.chat(messages, "--chat-template", template, "--continue-final-message")["ids"]
        made = self.answer("--messages", "c.json", "--chat-template", template, "--continue-final-message")
        self.assertEqual(self.answer("--prompt-ids", ",".join(map(str, prompt)))["ids"], made["ids"])

    def test_errors_of_generate_say_what_is_missing(self):
        (self.folder / "c.json").write_text("[]")
        self.before.add("c.json")
        given = ("generate", "storyteller", "--chat-template", PLAIN)
        self.assertIn("--messages FILE", self.fails(2, *given, "--chat"))
        self.assertIn("no messages", self.fails(1, *given, "--messages", "c.json"))
        self.assertIn("exclude", self.fails(2, *given, "--messages", "c.json", "-p", "x"))
        self.assertIn("--system", self.fails(2, *given, "--messages", "c.json", "--system", "x"))
        self.assertIn("not ids", self.fails(2, *given, "--chat", "--prompt-ids", "1"))
        self.assertIn("--continue-final-message", self.fails(2, *given, "--chat", "-p", "x", "--continue-final-message"))
        self.assertIn("no chat template", self.fails(1, "generate", "storyteller", "--chat", "-p", "x"))


if __name__ == "__main__":
    unittest.main()
