"""Draw the moving picture of the book's first page: python book/record/front.py

One run of a plain GAN on the ring: the same noise goes through the generator at several steps of training.
The result, book/results/front.html, is a piece of a page. Its dots move by CSS alone, stand still where the
reader asks for less motion, and can be stopped.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from recording import provenance
from tqdm import tqdm

from gan_lib import data, toys
from gan_lib.training.files import write_atomically

RESULT = Path(__file__).parents[1] / "results/front.html"
TARGET = data.ring(std=0.1)
SETTING = toys.Setting(latent_dim=8, batch=256, rate_g=1e-3, rate_d=1e-3, betas=(0.5, 0.999))
VIEW = 1.45  # the picture shows [-VIEW, VIEW] squared
MOVING = 80  # percent of the loop; the rest shows the last state
STYLE = """
.gan-front svg { display: block; width: 100%; max-width: 26rem; margin-inline: auto; overflow: hidden; }
.gan-front .dot { fill: #0072B2; animation: 12s linear infinite; }
html[data-theme=dark] .gan-front .dot { fill: #56B4E9; }
.gan-front .island { fill: none; stroke: currentColor; stroke-width: .012; }
.gan-front label { display: block; width: fit-content; margin: .2em auto; }
.gan-front:has(:checked) .dot { animation-play-state: paused; }
@media (prefers-reduced-motion: reduce) {
  .gan-front .dot { animation: none; }
  .gan-front label { display: none; }
}
"""


def record_run(steps, dots, states, seed):
    """Where the same noise goes over training: positions (states, dots, 2), their steps, and the `Game`."""
    noise = torch.randn(dots, SETTING.latent_dim, generator=torch.Generator().manual_seed(seed))
    # Most happens early.
    wanted = [round(steps * (k / (states - 1)) ** 2) for k in range(states)]
    seen = []
    progress = tqdm(total=steps, unit="step")

    def watch(step, game):
        progress.update(step - progress.n)
        if step in wanted:
            seen.append(game.generator(noise).detach())

    game = toys.play(TARGET, toys.METHODS["GAN"], seed, steps, SETTING, watch=watch)
    progress.close()
    return torch.stack(seen), wanted, game


def draw(positions, alt):
    """The piece of the page, as text."""
    last = len(positions) - 1
    frames, dots = [], []
    for dot in range(positions.shape[1]):
        places = [f"{x:.2f}px {-y:.2f}px" for x, y in positions[:, dot].tolist()]
        path = "".join(
            f"{MOVING * k / last:.3g}%{{translate:{place}}}" for k, place in enumerate(places[:-1])
        )
        frames.append(f"@keyframes dot{dot}{{{path}{MOVING}%,to{{translate:{places[-1]}}}}}")
        dots.append(f'<circle class="dot" r=".018" style="translate:{places[-1]};animation-name:dot{dot}"/>')
    islands = "".join(
        f'<circle class="island" cx="{x:.3f}" cy="{-y:.3f}" r="{2 * TARGET.std}"/>'
        for x, y in TARGET.modes.tolist()
    )
    box = f"{-VIEW} {-VIEW} {2 * VIEW} {2 * VIEW}"
    return (
        f'<div class="gan-front"><style>{STYLE}{"".join(frames)}</style>'
        f'<svg role="img" aria-label="{alt}" viewBox="{box}">{islands}{"".join(dots)}</svg>'
        '<label><input type="checkbox"> Hold still</label></div>'
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--steps", type=int, default=3000, help="updates of the generator (default: %(default)s)"
    )
    parser.add_argument("--dots", type=int, default=160, help="dots in the picture (default: %(default)s)")
    parser.add_argument(
        "--states", type=int, default=16, help="states between which they move (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of networks, data and noise (default: %(default)s)"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.monotonic()
    positions, taken, game = record_run(options.steps, options.dots, options.states, options.seed)
    seconds = time.monotonic() - start
    end = toys.judge(game, TARGET)
    if end.modes < len(TARGET.modes):
        raise SystemExit(
            f"seed {options.seed} ends on {end.modes} of {len(TARGET.modes)} islands: take another"
        )
    how = provenance("cpu", seconds, seed=options.seed, steps=taken, high_quality=end.high_quality)
    alt = "Dots, the samples of a generator, spread from a small cloud to eight islands on a circle."
    write_atomically(RESULT, f"<!-- {json.dumps(how)} -->\n{draw(positions, alt)}\n".encode())
    print(f"{RESULT.name}: {RESULT.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
