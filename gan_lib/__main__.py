"""The command line: ``python -m gan_lib --help``."""

import typer

from gan_lib.commands.evaluate import evaluate
from gan_lib.commands.sample import sample
from gan_lib.commands.train import train

app = typer.Typer(
    help="Generative adversarial networks: train one, look at what it makes, and measure it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain text: the examples keep their lines, and errors are lines, not boxes
    pretty_exceptions_enable=False,
)
for command in (train, sample, evaluate):
    app.command()(command)


if __name__ == "__main__":
    app(prog_name="python -m gan_lib")
