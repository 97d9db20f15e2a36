"""`orrery generate`: what ends a text, and what is read as its prompt."""
import json

from orrery import Case


class Generate(Case):
    def test_a_flag_of_length_wins_over_what_the_checkpoint_says(self):
        made = json.loads(self.succeeds("generate", "storyteller", "-p", "One day", "--max-length", 5, "--json"))
        self.assertEqual(("length", 5), (made["finish_reason"], made["prompt_tokens"] + made["generated_tokens"]))
