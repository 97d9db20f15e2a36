"""Opens a page in headless Chromium and asks it things, with Python's standard library alone.

    dom, complaints = opened(html)               # as it is after its script ran, and what the console said
    asked(html, "press('t'); const answer = document.documentElement.dataset.theme;")
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cli"))
from orrery import Case  # noqa: E402

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom")
BROWSER = os.environ.get("CHROMIUM") or next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), "chromium")
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
HOSTILE = "</script><script>document.title='x'</script><img src=x onerror=\"document.title='x'\"> &amp; \u202e\u0007"
PRESS = """const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const texts = (selector) => Array.from(document.querySelectorAll(selector), (found) => found.textContent);
const pressed = (selector) => texts(selector + ' [aria-pressed="true"]');
"""


def opened(html):
    """The page as it is after its script ran, and what the browser complained of."""
    with tempfile.TemporaryDirectory(prefix="orrery-page-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "page.html"
        path.write_text(html, encoding="utf-8")
        done = subprocess.run([BROWSER, *FLAGS, f"--user-data-dir={folder}/profile", path.as_uri()], capture_output=True, text=True, errors="replace", timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def asked(html, script):
    """What a script finds on the page: its `answer`. Beside the page's own script only in a copy without the policy."""
    copy = POLICY.sub("", html, count=1).replace("</body>", f"<script>{{{PRESS}{script}\nconst told = document.createElement('pre'); told.id = 'told'; told.textContent = encodeURIComponent(JSON.stringify(answer)); document.body.append(told);}}</script></body>")
    dom, complaints = opened(copy)
    assert not complaints, complaints
    return json.loads(unquote(re.search(r'<pre id="told">([^<]*)</pre>', dom)[1]))


class PageCase(Case):
    """A test of pages that commands write."""

    def page(self, *args):
        """The document of a command and its page."""
        document = json.loads(self.succeeds(*args, "--json", "--html", "page.html"))
        return document, (self.folder / "page.html").read_text(encoding="utf-8")

    def stays_quiet(self, html):
        dom, complaints = opened(html)
        self.assertEqual([], complaints)
        self.assertIn('data-theme="', dom)
        self.assertEqual([], re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', dom.split('<script type="application/json"')[0]))
        return dom
