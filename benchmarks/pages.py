"""What does a first visit to a page of the built book load, how long does it block, does anything jump?

    python benchmarks/pages.py                          # every chapter page
    python benchmarks/pages.py notebooks/01_minimax claims --rounds 3
    python benchmarks/pages.py --site /tmp/another/_build/html

Pages come from a local server that does not compress, into a browser without a cache: bytes before anything
is scrolled, and after the page was scrolled to its end. Beside them the longest task of the page's thread
before that, in the processor's time, the least of all rounds; the layout shift; and the nodes of the
document. Needs Chromium on the path and the built book.
"""

import argparse
import json
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

HTML = Path(__file__).resolve().parents[1] / "book/_build/html"
SIZES = {1440: 900, 390: 844}
WATCH = """
window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((move) => {
  if (!move.hadRecentInput) shift += move.value;
})).observe({ type: "layout-shift", buffered: true });
"""
SCROLL = """async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight / 2) {
    scrollTo({ top: y, behavior: "instant" });
    await new Promise((done) => setTimeout(done, 40));
  }
}"""


class CountingHandler(SimpleHTTPRequestHandler):
    """Serves files, and remembers how many bytes each of them sent."""

    def __init__(self, *arguments, sent, **options):
        self.sent = sent
        super().__init__(*arguments, **options)

    def copyfile(self, source, outputfile):
        self.sent[self.path.split("?")[0]] = Path(source.name).stat().st_size
        super().copyfile(source, outputfile)

    def log_message(self, *arguments):
        pass


@contextmanager
def served(folder):
    """A local server of a folder: (its address, what it sent as {path: bytes})."""
    sent = {}
    handler = partial(CountingHandler, directory=str(folder), sent=sent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", sent
    server.shutdown()


def visit(browser, address, sent, name, width):
    """One page in a fresh browser context, from its opening to its end."""
    context = browser.new_context(viewport={"width": width, "height": SIZES[width]})
    page = context.new_page()
    page.add_init_script(WATCH)
    sent.clear()
    browser.start_tracing(page=page, categories=["toplevel"])
    page.goto(f"{address}/{name}.html", wait_until="load")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    task = longest_task(json.loads(browser.stop_tracing())["traceEvents"])
    before, nodes = dict(sent), page.evaluate("document.querySelectorAll('*').length")
    page.evaluate(SCROLL)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    shift = page.evaluate("shift")
    context.close()
    return {"before": before, "whole": dict(sent), "nodes": nodes, "task": task, "shift": shift}


def longest_task(events):
    """Milliseconds that the longest task of the pages' own threads had a processor."""
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    times = [event.get("tdur", 0) for event in events if (event["pid"], event["tid"]) in threads]
    return max(times) / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="such as chapters/minimax")
    parser.add_argument("--site", type=Path, default=HTML, help="the built book")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--files", action="store_true", help="list the files of each first visit")
    options = parser.parse_args()
    pages = options.pages or [
        f"chapters/{path.stem}" for path in sorted((options.site / "chapters").glob("*.html"))
    ]
    print("| page | width | first visit, MB | whole page, MB | longest task, ms | layout shift | nodes |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with sync_playwright() as playwright, served(options.site) as (address, sent):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name in pages:
            for width in SIZES:
                rounds = [visit(browser, address, sent, name, width) for _ in range(options.rounds)]
                seen, task = rounds[-1], min(one["task"] for one in rounds)
                first, whole = (sum(seen[part].values()) / 1e6 for part in ("before", "whole"))
                print(
                    f"| {name} | {width} | {first:.2f} | {whole:.2f} | {task:.0f} "
                    f"| {seen['shift']:.3f} | {seen['nodes']:,} |",
                    flush=True,
                )
                if options.files:
                    for path, size in sorted(seen["before"].items(), key=lambda item: -item[1]):
                        print(f"  {size:9,} {path}")
        browser.close()


if __name__ == "__main__":
    main()
