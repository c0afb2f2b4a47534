"""{drawing} NAME: a line drawing with a caption, numbered as figures are; game, pair or overlap.

They take their colours from the page's style sheet, so they suit both themes. A sentence beside each is what
a screen reader says in its place.
"""

import pictures

LOSS_D, LOSS_G = (
    f'L<tspan dy="3" font-size="9">{name}</tspan><tspan dy="-3">\u200b</tspan>' for name in "DG"
)
WIDTH = 360  # of a drawing, in its own units: about the pixels that a phone has for it


def text(x, y, content, kind="", anchor="middle"):
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{content}</text>'


def box(x, y, width, height, kind="", round=4):
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round}"/>'


def path(points, kind=""):
    places = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline class="{kind}" points="{places}"/>'


def arrow(points, kind=""):
    """A line along the points, with a tip at the last; the last piece runs along an axis."""
    (x0, y0), (x, y) = points[-2:]
    dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
    back, aside = (6 * dx, 6 * dy), (3.5 * dy, 3.5 * dx)
    wings = [(x - back[0] + sign * aside[0], y - back[1] + sign * aside[1]) for sign in (1, -1)]
    return path(points, kind) + path([wings[0], (x, y), wings[1]], f"{kind} tip")


def drawn(height, *parts):
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" aria-hidden="true">{"".join(parts)}</svg>'


def game():
    """Both halves of a training step: what flows forward, what comes back, and where it is cut."""
    return drawn(
        372,
        text(4, 16, "1  The discriminator’s half: D moves", "title", "start"),
        *_pipeline(20, moves="D", noise="z", loss=LOSS_D),
        *_data(20),
        arrow([(322, 92), (322, 108), (270, 108), (270, 88)], "real dashed"),
        path([(220, 56), (226, 84)], "cut"),
        path([(226, 56), (232, 84)], "cut"),
        text(226, 50, "detach", "small"),
        text(266, 124, f"gradient of {LOSS_D}", "real small", "start"),
        path([(4, 192), (356, 192)], "rule"),
        text(4, 216, "2  The generator’s half: G moves", "title", "start"),
        *_pipeline(220, moves="G", noise="fresh z", loss=LOSS_G),
        arrow([(322, 292), (322, 318), (112, 318), (112, 288)], "fake dashed"),
        text(204, 334, f"gradient of {LOSS_G}, through D and the sample", "fake small"),
        text(204, 351, "(D’s own gradients fill as well; nobody uses them)", "small"),
    )


def _pipeline(top, moves, noise, loss):
    """Noise, generator, sample, discriminator, loss in a row; the network that moves is filled."""
    middle = top + 50

    def network(name, x):
        kind = {"G": "fake", "D": "real"}[name]
        filled = f"{kind} filled" if name == moves else kind
        return box(x, middle - 18, 44, 36, filled) + text(x + 22, middle + 5, name, "name")

    flow = [(56, 90), (134, 154), (206, 248), (292, 306)]
    return [
        text(30, middle + 4, noise),
        text(30, middle + 20, "noise", "small"),
        network("G", 90),
        text(180, middle + 4, "G(z)"),
        text(180, middle + 20, "sample", "small"),
        network("D", 248),
        text(324, middle + 4, loss),
        *(arrow([(start, middle), (end, middle)]) for start, end in flow),
    ]


def _data(top):
    """Data, which reach the discriminator from below."""
    y = top + 132
    way = arrow([(192, y), (258, y), (258, top + 68)])
    return [text(180, y + 4, "x"), text(180, y + 20, "data", "small"), way]


#: (channels, side) of the images that the pair of gan_lib.networks.dcgan passes on
GENERATOR = [(512, 4), (256, 8), (128, 16), (64, 32), (3, 32)]
DISCRIMINATOR = [(3, 32), (64, 16), (128, 8), (256, 4)]
LATENT = 128


def pair():
    """Both networks of the lab as boxes: side to scale, depth by the number of channels."""
    up = ["dense", "k 4, ↑ 2", "k 4, ↑ 2", "k 4, ↑ 2", "k 4"]
    down = ["k 4, ↓ 2", "k 4, ↓ 2", "k 4, ↓ 2", "dense"]
    return drawn(
        318,
        text(4, 16, "Generator", "title", "start"),
        *_stages(70, [LATENT, *GENERATOR], up, "fake"),
        path([(4, 162), (356, 162)], "rule"),
        text(4, 186, "Discriminator", "title", "start"),
        *_stages(236, [*DISCRIMINATOR, 1], down, "real"),
    )


def _stages(middle, stages, layers, kind):
    pitch = WIDTH / len(stages)
    for k, stage in enumerate(stages):
        x = pitch * (k + 0.5)
        if isinstance(stage, int):
            yield box(x - 2, middle - 16, 4, 32, kind) if stage > 1 else box(x - 2, middle - 2, 4, 4, kind)
            yield text(x, middle + 46, stage, "small")
        else:
            channels, side = stage
            yield _block(x, middle, 1.4 * side, 20 * channels / 512, kind)
            yield text(x, middle + 46, f"{side} × {side}", "small")
            yield text(x, middle + 60, f"× {channels}", "small")
        if k:
            yield text(pitch * k, middle + 78, layers[k - 1], "small faint")


def _block(x, y, side, depth, kind):
    """A box seen from the front: a square, with its depth to the upper right."""
    depth = max(depth, 1)
    left, top = x - (side + depth) / 2, y - (side - depth) / 2
    right, bottom = left + side, top + side
    faces = [
        [(left, top), (right, top), (right, bottom), (left, bottom)],
        [(left, top), (left + depth, top - depth), (right + depth, top - depth), (right, top)],
        [(right, top), (right + depth, top - depth), (right + depth, bottom - depth), (right, bottom)],
    ]
    places = (" ".join(f"{a:g},{b:g}" for a, b in face) for face in faces)
    return "".join(f'<polygon class="{kind} filled" points="{face}"/>' for face in places)


def writes(kernel, stride, count):
    """How often a transposed convolution writes each of `count` neighbours, away from the border."""
    return [sum((m - j) % stride == 0 for j in range(kernel)) for m in range(count)]


def overlap():
    """Kernel and stride: what each input writes to, and how often each output is written."""
    return drawn(326, *_overlap(8, kernel=4), *_overlap(192, kernel=5))


def _overlap(left, kernel, stride=2, count=10, cell=16):
    """From the top: what each input of a line writes to, the counts, and the counts in the plane."""
    counts = writes(kernel, stride, count)
    yield text(left + count * cell / 2, 16, f"kernel {kernel}, stride {stride}", "title")
    inputs = [m for m in range(1 - kernel, count) if m % stride == 0]
    for row, first in enumerate(inputs):
        start, end = max(first, 0), min(first + kernel, count)
        y = 28 + 9 * row
        kind = "fake" if row % 2 else "real"
        yield box(left + start * cell + 1, y, (end - start) * cell - 2, 6, f"{kind} filled")
    for m, times in enumerate(counts):
        yield box(left + m * cell, 96, cell, cell, f"shade{times}", round=0)
        yield text(left + (m + 0.5) * cell, 108, times, "small")
    yield text(left, 128, "along a line", "small", "start")
    for i, above in enumerate(counts):
        for m, times in enumerate(counts):
            yield box(left + m * cell, 142 + i * cell, cell, cell, f"shade{above * times}", round=0)
            yield text(left + (m + 0.5) * cell, 154 + i * cell, above * times, "small")
    least, most = min(counts) ** 2, max(counts) ** 2
    often = f"{least} times each" if least == most else f"{least} to {most} times"
    yield text(left, 318, f"in the plane: {often}", "small", "start")


DRAWINGS = {
    "game": (
        game,
        "Two halves of a training step. First, noise z goes through G to a sample; D sees it and a data "
        "point x, and the gradient of D's loss comes back to D, cut off from G by detach. Second, fresh "
        "noise goes through G and D, and the gradient of G's loss comes back through D and the sample to G.",
    ),
    "pair": (
        pair,
        "The generator: a vector of 128 numbers, then images of 4 by 4 with 512 channels, 8 by 8 with 256, "
        "16 by 16 with 128, 32 by 32 with 64, and 32 by 32 with 3. The discriminator: 32 by 32 with 3 "
        "channels, 16 by 16 with 64, 8 by 8 with 128, 4 by 4 with 256, and one number.",
    ),
    "overlap": (
        overlap,
        "What the inputs of a transposed convolution with stride 2 write to. With kernel 4 every output is "
        "written twice along a line and four times in the plane. With kernel 5 neighbours are written "
        "three times and twice along a line; in the plane nine, six and four times, a checkerboard.",
    ),
}


class Drawing(pictures.NamedFigure):
    def run(self):
        if not self.known(DRAWINGS, "no drawing %r"):
            return []
        draw, alt = DRAWINGS[self.arguments[0]]
        markup = f'<div class="gan-drawing" role="img" aria-label="{alt}">{draw()}</div>'
        return pictures.figure(self, markup, script=False)


def setup(app):
    app.setup_extension("pictures")
    app.add_directive("drawing", Drawing)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
