"""`--packed-cache`: a second start maps what the first has packed, and writes the same text."""
import json
import os
import stat
import subprocess

from orrery import BINARY, ROOT, Case, call

PROMPT = ("-p", "Once upon a time", "--max-new-tokens", 12, "--logprobs", 2, "--json")


def without_time(text):
    made = json.loads(text)
    del made["seconds"]
    return made


class PackedCache(Case):
    def setUp(self):
        super().setUp()
        self.cache = self.folder / "cache"
        self.env = {"ORRERY_PACKED_CACHE": str(self.cache)}

    def run_with(self, *args, env=None):
        done = call(*args, cwd=self.folder, env=self.env if env is None else env)
        self.assertEqual(0, done.returncode, done.stderr)
        return done

    def kept(self):
        return sorted(self.cache.iterdir()) if self.cache.exists() else []

    def test_a_second_start_maps_and_says_the_same(self):
        for options in ((), ("--dtype", "q8_0"), ("--dtype", "int8"), ("--compute-dtype", "bf16")):
            with self.subTest(options=options):
                plain = self.run_with("generate", "storyteller", *PROMPT, *options, env={}).stdout
                before = self.kept()
                first = self.run_with("generate", "storyteller", *PROMPT, *options)
                after = self.kept()
                self.assertEqual(1, len(after) - len(before))
                inode = after[0].stat().st_ino
                second = self.run_with("generate", "storyteller", *PROMPT, *options)
                self.assertEqual((after, inode), (self.kept(), self.kept()[0].stat().st_ino))
                self.assertEqual(without_time(plain), without_time(first.stdout))
                self.assertEqual(without_time(plain), without_time(second.stdout))
                self.assertEqual("", first.stderr + second.stderr)

    def test_mapped_weights_are_not_memory_of_the_process(self):
        bench = ("bench", "storyteller", "--new-tokens", 4, "--prompt-tokens", 4, "--repeat", 1, "--json")
        plain, first, second = (json.loads(self.run_with(*bench, env=env).stdout) for env in ({}, self.env, self.env))
        panels = self.kept()[0].stat().st_size
        weights = [made["peak_bytes"] - made["program_bytes"] for made in (plain, first, second)]
        self.assertEqual(weights[0], weights[1])
        self.assertEqual(plain["mapped_bytes"], first["mapped_bytes"])
        moved = second["mapped_bytes"] - first["mapped_bytes"]
        self.assertEqual(moved, weights[1] - weights[2])
        self.assertGreater(moved, 0.9 * panels)

    def test_every_family_computes_the_same_from_mapped_weights(self):
        for model in ("bert", "gpt2", "llama-bf16", "llama-sharded", "mixtral", "t5"):
            with self.subTest(model=model):
                ask = ("logits", ROOT / "tests" / "goldens" / model, "--ids", "1,5,3,2", *(("--decoder-ids", "0,4") if model == "t5" else ()), "--hidden", "--json")
                plain, first, second = (self.run_with(*ask, env=env).stdout for env in ({}, self.env, self.env))
                self.assertEqual((plain, plain), (first, second))
        self.assertEqual(6, len(self.kept()))

    def test_a_gguf_file_is_packed_once(self):
        self.run_with("convert", "storyteller", "small.gguf", "--quantize", "q8_0", env={})
        plain, first, second = (without_time(self.run_with("generate", "small.gguf", *PROMPT, env=env).stdout) for env in ({}, self.env, self.env))
        self.assertEqual((plain, plain), (first, second))
        self.assertEqual(1, len(self.kept()))

    def test_an_encoder_decoder_keeps_both_sides_in_one_file(self):
        self.translator()
        ask = ("generate", "translator", "-p", "fox", "--max-new-tokens", 5, "--json")
        plain = self.run_with(*ask, env={}).stdout
        for _ in range(2):
            self.assertEqual(without_time(plain), without_time(self.run_with(*ask).stdout))
            self.assertEqual(1, len(self.kept()))

    def test_a_damaged_file_is_told_and_made_anew(self):
        plain = self.run_with("generate", "storyteller", *PROMPT).stdout
        file = self.kept()[0]
        sound = file.read_bytes()
        for damaged in (b"", sound[:5000], sound[:-1], sound[:100] + b"\xff" + sound[101:], b"\0" * len(sound)):
            file.write_bytes(damaged)
            done = self.run_with("generate", "storyteller", *PROMPT)
            self.assertEqual(without_time(plain), without_time(done.stdout))
            self.assertRegex(done.stderr, r"\Awarning: packed weights are made anew: [^\n]*\n\Z")
            self.assertEqual(sound, file.read_bytes())

    def test_another_model_of_the_same_name_is_another(self):
        model = self.folder / "model"
        model.mkdir()
        for name in ("config.json", "tokenizer.json", "generation_config.json"):
            (model / name).write_bytes((ROOT / "checkpoints" / "storyteller" / name).read_bytes())
        weights = bytearray((ROOT / "checkpoints" / "storyteller" / "model.safetensors").read_bytes())
        (model / "model.safetensors").write_bytes(weights)
        self.run_with("generate", "model", *PROMPT)
        before = (model / "model.safetensors").stat()
        weights[-5000] ^= 0x40                            # one number, and the times are put back
        (model / "model.safetensors").write_bytes(weights)
        os.utime(model / "model.safetensors", ns=(before.st_atime_ns, before.st_mtime_ns))
        changed = self.run_with("generate", "model", *PROMPT)
        self.assertEqual(2, len(self.kept()))
        self.assertEqual(without_time(self.run_with("generate", "model", *PROMPT, env={}).stdout), without_time(changed.stdout))

    def test_a_folder_that_cannot_be_written_is_a_warning(self):
        (self.folder / "file").write_text("")
        done = self.run_with("generate", "storyteller", *PROMPT, env={"ORRERY_PACKED_CACHE": str(self.folder / "file")})
        self.assertRegex(done.stderr, r"\Awarning: packed weights are not kept: [^\n]*\n\Z")
        full = self.run_with("generate", "storyteller", *PROMPT, env={**self.env, "ORRERY_PACKED_CACHE_BYTES": "1000"})
        self.assertIn("the limit is 1000", full.stderr)
        self.assertEqual([], self.kept())
        self.assertIn("is not a number of bytes", call("generate", "storyteller", *PROMPT, env={**self.env, "ORRERY_PACKED_CACHE_BYTES": "much"}).stderr)

    def test_a_disk_that_is_full_is_a_warning(self):
        script = f"ulimit -f 64; trap '' XFSZ; '{BINARY}' generate storyteller -p 'One day' --max-new-tokens 3"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=self.folder, env={**os.environ, **self.env}, timeout=300)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("warning: packed weights are not kept: ", done.stderr)
        self.assertEqual([], self.kept())

    def test_the_flag_uses_the_users_own_folder_and_no_flag_none(self):
        home = {"HOME": str(self.folder / "home"), "XDG_CACHE_HOME": "", "ORRERY_PACKED_CACHE": ""}
        self.run_with("generate", "storyteller", *PROMPT, env=home)
        self.assertFalse((self.folder / "home").exists())
        self.run_with("generate", "storyteller", *PROMPT, "--packed-cache", env=home)
        self.assertEqual(1, len(list((self.folder / "home/.cache/orrery").iterdir())))
        self.run_with("generate", "storyteller", *PROMPT, "--no-packed-cache")
        self.assertEqual([], self.kept())

    def test_starts_at_the_same_time_do_no_harm(self):
        command = [str(BINARY), "generate", "storyteller", *map(str, PROMPT), "--threads", "1"]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=self.folder, env={**os.environ, **self.env}) for _ in range(4)]
        texts = [without_time(process.communicate(timeout=300)[0]) for process in running]
        self.assertEqual(4 * [texts[0]], texts)
        self.assertEqual(1, len(self.kept()))

    def test_what_is_kept_is_listed_and_cleared(self):
        self.run_with("generate", "storyteller", *PROMPT)
        listed = json.loads(self.run_with("cache", "list", "--json").stdout)
        self.assertEqual([str(self.kept()[0])], [file["path"] for file in listed["files"]])
        self.assertEqual(self.kept()[0].stat().st_size, listed["bytes"])
        self.assertTrue(listed["files"][0]["source"].endswith("storyteller"))
        self.assertIn("used 0 h ago", self.run_with("cache", "list").stdout)
        self.run_with("cache", "clear", "--keep-bytes", listed["bytes"])
        self.assertEqual(1, len(self.kept()))
        self.assertEqual(listed["bytes"], json.loads(self.run_with("cache", "clear", "--json").stdout)["removed_bytes"])
        self.assertEqual([], self.kept())
        self.assertFalse(stat.S_IMODE(self.cache.stat().st_mode) & 0o022)
