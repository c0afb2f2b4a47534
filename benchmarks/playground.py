"""How many iterations a second does a game of the playground have, in a browser and on one core?

    python benchmarks/playground.py --rounds 5

Batch 128, two hidden layers of 32 in both networks. Of one core's second, thirty pictures (512 samples and a
field of 48 x 48 logits) take their part; iterations, each a step of D and one of G, have the rest. Measured
in a worker of Chromium, by the processor's time of its process, so that other programs do not count. Needs
Chromium on the path.
"""

import argparse
import shutil
import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book/_ext"))
from bundle import bundle  # noqa: E402

PICTURES = 30  # a second
GAMES = {
    "plain": {},
    "WGAN-GP": {"objective": "wasserstein", "gradientPenalty": 10},
    "pairing, R1 and R2": {"objective": "relativistic_pairing", "r1": 1, "r2": 1},
    "plain, batch norm": {"batchNorm": True},
    "plain, tanh": {"activationG": "tanh", "activationD": "tanh"},
}
OPEN = """
([program, settings]) => {
  const source = `const parts = ${program}.start(${JSON.stringify(settings)});
    onmessage = ({ data: [part, count] }) => { parts[part](count); postMessage("done"); };`;
  window.worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
}
"""
CALL = """
(message) => new Promise((resolve, reject) => {
  worker.onmessage = resolve;
  worker.onerror = reject;
  worker.postMessage(message);
})
"""


def processor_time(session):
    """Seconds that all processes of pages have used."""
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    return sum(process["cpuTime"] for process in processes if process["type"] == "renderer")


def milliseconds(browser, settings, count):
    """(of an iteration, of a picture), each the mean of `count` after as many for the compiler."""
    page, session = browser.new_page(), browser.new_browser_cdp_session()
    page.evaluate(OPEN, [bundle(ROOT / "benchmarks/playground.mjs"), settings])
    found = []
    for part in ("iterate", "show"):
        page.evaluate(CALL, [part, count])
        before = processor_time(session)
        page.evaluate(CALL, [part, count])
        found.append(1000 * (processor_time(session) - before) / count)
    page.close()
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=300, help="iterations, and pictures, of a measurement")
    options = parser.parse_args()
    found = {game: [] for game in GAMES}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(options.rounds):
            for game, settings in GAMES.items():
                found[game].append(milliseconds(browser, settings, options.count))
        browser.close()
    print("| game | iteration, ms | picture, ms | iterations a second beside 30 pictures |")
    print("| --- | --- | --- | --- |")
    for game, rounds in found.items():
        iteration, picture = map(statistics.median, zip(*rounds, strict=True))
        rates = [(1000 - PICTURES * p) / i for i, p in rounds]
        rate = f"{statistics.median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f})"
        print(f"| {game} | {iteration:.2f} | {picture:.2f} | {rate} |")


if __name__ == "__main__":
    main()
