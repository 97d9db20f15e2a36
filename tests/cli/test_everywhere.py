"""What holds of every command: help, exit codes, errors of one line, output whole or not at all."""
import json
import os
import signal
import subprocess
import time

from orrery import BINARY, ROOT, Case, call, command_names, on_terminal


class Everywhere(Case):
    def test_alone_it_says_what_to_try_first(self):
        text = self.succeeds()
        self.assertIn("Try first:", text)
        self.assertEqual(text, self.succeeds("--help"))
        self.assertIn("version", command_names())

    def test_every_command_has_help_with_examples_that_call_it(self):
        for name in command_names():
            with self.subTest(command=name):
                text = self.succeeds(*name.split(), "--help")
                self.assertIn(f"usage: orrery {name}", text)
                self.assertIn(f"orrery {name}", text.partition("\nExamples:\n")[2])
                self.assertEqual(text, self.succeeds("help", *name.split()))

    def test_a_group_of_commands_tells_them(self):
        for group in {name.split()[0] for name in command_names() if " " in name} - set(command_names()):
            with self.subTest(group=group):
                names = [name for name in command_names() if name.startswith(group + " ")]
                for text in (self.succeeds(group, "--help"), self.succeeds("help", group)):
                    self.assertEqual([name in text for name in names], [True] * len(names))
                self.assertIn("needs a second word", self.fails(2, group))

    def test_a_list_may_be_given_in_parts(self):
        self.assertEqual(self.succeeds("logits", "storyteller", "--ids", "1,2,3"), self.succeeds("logits", "storyteller", "--ids", "1,2", "--ids", "3"))

    def test_a_wrong_call_exits_with_2_and_one_line(self):
        self.assertIn("did you mean `orrery version`?", self.fails(2, "versoin"))
        self.assertIn("unknown flag --nothing", self.fails(2, "version", "--nothing"))
        self.assertIn("did you mean --threads?", self.fails(2, "version", "--thread", "2"))
        self.assertIn("'two' is not a whole number", self.fails(2, "version", "--threads", "two"))
        self.assertIn("out of range", self.fails(2, "version", "--threads", "-1"))
        self.assertIn("needs a value", self.fails(2, "version", "--threads"))
        self.assertIn("one argument too many", self.fails(2, "version", "now"))
        self.assertIn("did you mean `orrery generate`?", self.fails(2, "gen"))
        self.assertIn("did you mean `orrery evaluate perplexity`?", self.fails(2, "perplexity"))
        self.assertIn("did you mean --max-new-tokens?", self.fails(2, "generate", "storyteller", "--max-tokens", 5))

    def test_an_argument_too_many_is_told_with_its_flag(self):
        self.assertIn("did you mean -p 'Once upon a time'?", self.fails(2, "generate", "storyteller", "Once upon a time"))
        self.assertIn("did you mean -p 'Once upon a time'?", self.fails(2, "generate", "storyteller", "Once", "upon", "a", "time"))
        self.assertIn("in quotes", self.fails(2, "generate", "storyteller", "-p", "Once", "upon"))
        for given in (["talk.json"], ["--chat", "talk.json"], ["-p", "Hello", "talk.json"]):
            self.assertIn("did you mean --messages talk.json?", self.fails(2, "generate", "storyteller", *given))
        for command in ("evaluate perplexity", "evaluate alignment"):
            self.assertIn("did you mean --file held_out.txt?", self.fails(2, *command.split(), "storyteller", "held_out.txt"))
        self.assertIn("did you mean --corpus texts.txt?", self.fails(2, "vocab", "report", "storyteller", "texts.txt"))
        self.assertIn("SHELL is missing", self.fails(2, "completions"))
        self.assertIn("not cpu", self.fails(2, "version", "--device", "abacus"))

    def test_every_command_refuses_what_it_does_not_know(self):
        for name in command_names():
            with self.subTest(command=name):
                self.fails(2, *name.split(), "--no-such-flag")

    def test_global_flags_stand_before_or_after_the_command(self):
        self.assertEqual(self.succeeds("version", "--json", "--threads", "2"),
                         self.succeeds("--threads", "2", "--json", "version"))
        self.assertRegex(self.succeeds("--version"), r"\Aorrery \d+\.\d+\.\d+\n\Z")

    def test_output_goes_to_a_file_whole_or_not_at_all(self):
        self.assertEqual("", self.succeeds("version", "-o", "out.txt"))
        self.assertEqual(["out.txt"], self.new_files())
        self.assertEqual(self.succeeds("version"), (self.folder / "out.txt").read_text())
        self.fails_with_file = call("version", "-o", "no/such/folder/x", cwd=self.folder)
        self.assertEqual(1, self.fails_with_file.returncode)
        self.assertEqual(["out.txt"], self.new_files())

    def test_colours_are_for_terminals_that_want_them(self):
        call_of_trace = ("trace", "storyteller", "One day", "--max-new-tokens", 1)
        colour = "\033[36m"
        self.assertIn(colour, on_terminal(*call_of_trace, cwd=self.folder, env={"NO_COLOR": ""}))
        for refused in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\033", on_terminal(*call_of_trace, cwd=self.folder, env=refused))
        self.assertNotIn(colour, self.succeeds(*call_of_trace))

    def test_a_folder_that_hides_a_checkpoint_that_ships_is_told(self):
        self.assertEqual("", call("info", "storyteller", cwd=self.folder).stderr)
        (self.folder / "storyteller").symlink_to(ROOT / "tests" / "goldens" / "llama")
        done = call("info", "storyteller", cwd=self.folder)
        self.assertEqual(0, done.returncode)
        self.assertTrue(done.stderr.startswith("warning: ./storyteller is used, not the storyteller that ships"), done.stderr)
        self.assertEqual("", call("info", "storyteller", "--quiet", cwd=self.folder).stderr)
        self.assertEqual("", call("info", "storyteller", cwd=ROOT / "checkpoints").stderr)   # the very same

    def test_usage_names_what_must_be_there(self):
        told = self.succeeds("vocab", "extend", "--help")
        self.assertIn("usage: orrery vocab extend MODEL --corpus FILE --tokens N --output DIR [options]\n", told)
        self.assertIn("[1 to 4194304]", told)
        self.assertIn("hint: it is bash, zsh or fish\n", self.fails(2, "completions"))
        self.assertIn("hint: it is sort, stories or translation\n", self.fails(2, "corpus"))
        self.assertIn("hint: it is byte-bpe, bpe,", self.fails(2, "vocab", "train", "README.md"))
        self.assertIn("[sort, stories or translation]", self.succeeds("corpus", "--help"))
        self.assertIn("8 where neither", self.succeeds("trace", "storyteller", "--help"))
        self.assertIn("flags win over", self.succeeds("train", "--help"))

    def test_a_mistake_about_files_says_what_was_wanted(self):
        self.assertIn("hint: a model is a folder with config.json", self.fails(1, "generate", "docs"))
        self.assertIn("hint: name the folder", self.fails(1, "generate", "README.md"))
        self.assertIn("hint: a recipe is a JSON file", self.fails(1, "train", "README.md"))
        self.assertIn("hint: give a text in quotes", self.fails(2, "trace", "storyteller"))
        self.assertIn("nothing but the CPU", self.fails(2, "info", "storyteller", "--device", "cuda"))
        self.assertIn("hint: `hf download some/model` fetches it", self.fails(1, "info", "some/model"))
        self.assertIn("a folder, not a file (docs)", self.fails(2, "vocab", "train", "--algorithm", "bpe", "-o", "v", "docs"))
        self.assertIn("`--graph dot`", self.fails(2, "info", "storyteller", "dotty"))
        for flags in (("version", "-o", ""), ("trace", "storyteller", "a", "--html", "")):
            self.assertIn("names no file", self.fails(2, *flags))

    def test_a_dash_is_standard_output_and_a_page_is_a_file(self):
        self.assertEqual(self.succeeds("version"), self.succeeds("version", "-o", "-"))
        self.assertIn("goes to a file", self.fails(2, "vocab", "report", "storyteller", "--html", "-"))

    def test_a_terminal_is_told_which_files_were_written(self):
        self.assertEqual("written: out.txt\r\n", on_terminal("version", "-o", "out.txt", cwd=self.folder))
        self.assertEqual("", on_terminal("version", "-o", "out.txt", "--quiet", cwd=self.folder))
        told = on_terminal("trace", "storyteller", "a", "--html", "page.html", "--max-new-tokens", 1, cwd=self.folder)
        self.assertIn("written: page.html\r\n", told)

    def test_commands_as_json(self):
        self.assertEqual(command_names(), [command["name"] for command in json.loads(self.succeeds("--json"))["commands"]])

    def test_a_full_disk_is_an_error_of_one_line(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "version"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(1, done.returncode)
        self.assertEqual("error: cannot write: No space left on device (standard output)\n", done.stderr)

    def test_a_reader_that_leaves_is_no_error(self):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([BINARY, "man"], stdout=write, stderr=subprocess.PIPE, text=True)
        os.close(write)
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_completions_are_scripts_that_their_shell_reads(self):
        script = self.succeeds("completions", "bash")
        self.assertEqual(0, subprocess.run(["bash", "-n"], input=script, text=True).returncode)
        complete = script + "\nCOMP_WORDS=(orrery completions ''); COMP_CWORD=2; _orrery; echo ${COMPREPLY[*]}"
        done = subprocess.run(["bash", "-c", complete], capture_output=True, text=True)
        self.assertEqual("bash zsh fish\n", done.stdout)
        for shell in ("zsh", "fish"):
            for name in command_names():
                self.assertIn(name.split()[-1], self.succeeds("completions", shell))

    def test_the_manual_page_describes_every_command(self):
        page = self.succeeds("man")
        self.assertTrue(page.startswith(".TH ORRERY 1"))
        for name in command_names():
            self.assertIn(f".SS {name}\n", page)
        self.assertIn(".SS version\n", self.succeeds("man", "version"))
        self.fails(2, "man", "nothing")


class Interrupted(Case):
    def test_ctrl_c_leaves_nothing_half_written(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                process = subprocess.Popen([BINARY, "corpus", "sort", "--count", "1000000000", "-o", "out.jsonl"],
                                           cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                           # who runs the tests may ignore the signal, as nohup and background jobs do
                                           preexec_fn=lambda wanted=number: signal.signal(wanted, signal.SIG_DFL))
                self.addCleanup(process.kill)
                while not self.new_files() and process.poll() is None:  # until it writes beside its target
                    time.sleep(0.01)
                self.assertIsNone(process.poll())
                process.send_signal(number)
                self.assertEqual(-number, process.wait(timeout=30))
                self.assertEqual([], self.new_files())
