"""The page of `vocab report`: its numbers are those of the JSON, and terms that look like markup stay terms."""
from browser import HOSTILE, PageCase, asked

ASK = """const answer = {cards: texts("#cards b"), rows: document.querySelectorAll("#terms tbody tr").length, reasons: texts("#reasons tbody td:first-child"),
  charts: document.querySelectorAll("svg.chart").length, verdict: texts(".verdict h2")[0], title: document.title};"""


class Vocabulary(PageCase):
    def test_the_page_tells_the_numbers_of_its_json(self):
        document, html = self.page("vocab", "report", "storyteller")
        self.stays_quiet(html)
        seen = asked(html, ASK)
        self.assertEqual(f"{document['mean_tokens_per_term']:.2f}", seen["cards"][0])
        self.assertEqual(f"{document['domain']['fertility']:.2f}", seen["cards"][1])
        self.assertEqual(50, seen["rows"])
        self.assertEqual([reason["measure"] for reason in document["reasons"]], seen["reasons"])
        self.assertEqual(3, seen["charts"])
        self.assertEqual("Verdict: " + document["verdict"], seen["verdict"])

    def test_terms_that_look_like_markup_stay_terms(self):
        (self.folder / "terms.tsv").write_text(HOSTILE.replace("\t", " ") + "\t" + HOSTILE + "\n", encoding="utf-8")
        _, html = self.page("vocab", "report", "storyteller", "--terms", "terms.tsv", "--compare", "storyteller")
        self.stays_quiet(html)
        self.assertNotEqual("x", asked(html, ASK)["title"])

    def test_several_tokenizers_stand_side_by_side(self):
        (self.folder / "stories.txt").write_text("the fox met an owl by the mill\n" * 20)
        self.succeeds("vocab", "train", "--algorithm", "bpe", "--size", "60", "-o", "own", "stories.txt")
        document, html = self.page("vocab", "report", "storyteller", "--compare", "own", "--compare", "storyteller")
        self.stays_quiet(html)
        seen = asked(html, """const answer = {legend: texts("#legend span"), beside: texts("#cards .other").slice(0, 2), columns: document.querySelectorAll("#terms thead th").length,
          bars: document.querySelectorAll("svg.chart")[0].querySelectorAll("rect").length,
          lost: [...document.querySelectorAll("svg.chart")[0].querySelectorAll("rect + text")].map((one) => one.textContent.endsWith("?"))};""")
        self.assertEqual(["storyteller (this one)", "own", "storyteller"], seen["legend"])
        self.assertEqual(["own: %.2f" % document["compare"][0]["mean_tokens_per_term"], "storyteller: %.2f" % document["mean_tokens_per_term"]], seen["beside"])
        self.assertEqual(8, seen["columns"])
        self.assertEqual(3 * len(document["languages"]), seen["bars"])
        lost = [report["languages"][i]["unk_rate"] > 0 for i in range(len(document["languages"])) for report in [document, *document["compare"]]]
        self.assertEqual({True, False}, set(lost))
        self.assertEqual(lost, seen["lost"])
