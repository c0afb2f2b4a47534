"""How many images a second does a training step of the DCGAN pair take, beside its Keras original?

Project and peer run in turn, each in a process of its own, in one sitting: machines differ and are noisy,
only the ratio says something. The peer needs tensorflow-cpu==2.21.0 in an environment of its own:

    python -m venv /tmp/peer && /tmp/peer/bin/pip install tensorflow-cpu==2.21.0
    python benchmarks/training.py --peer /tmp/peer/bin/python --rounds 3
"""

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from turns import options

HERE = Path(__file__).resolve().parent
PRECISIONS = ("float32", "bfloat16")


def measure_project(precision, batch_size, warm_up, steps, threads):
    """Print the median images/s of the project's simultaneous step on the CPU."""
    import torch

    from gan_lib import data, networks, objectives, training

    training.keep_freed_memory()  # as the command `train` does
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    engine = training.Engine(precision)
    generator, discriminator = networks.dcgan_generator(), networks.dcgan_discriminator()
    adam = [training.KerasAdam(net.parameters(), 1e-4, (0.5, 0.999)) for net in (generator, discriminator)]
    images = torch.randint(256, (batch_size, 3, 32, 32), dtype=torch.uint8)
    seconds = []
    for _ in range(warm_up + steps):
        start = time.perf_counter()
        real, noise = data.scale(images), torch.randn(batch_size, 128)
        losses = training.simultaneous_step(
            generator, discriminator, *adam, real, noise, objectives.non_saturating, engine=engine
        )
        [loss.item() for loss in losses]
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[warm_up:])
    print(f"images/s {batch_size / median:.1f} | median step {median:.4f} s of {steps}")


def images_per_second(command):
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"images/s ([\d.]+)", output).group(1))


def main():
    args, flags = options(__doc__, "tensorflow-cpu", PRECISIONS, batch_size=256, warm_up=3, steps=10)
    if args.alone:
        return measure_project(args.alone, args.batch_size, args.warm_up, args.steps, args.threads)
    flags += ["--threads", str(args.threads)]
    commands = {
        "Keras": [args.peer, HERE / "peers" / "keras_dcgan.py", *flags],
        **{
            f"project, {precision}": [sys.executable, __file__, "--alone", precision, *flags]
            for precision in PRECISIONS
        },
    }
    results = {name: [] for name in commands}
    for turn in range(args.rounds):
        for name, command in commands.items():
            results[name].append(images_per_second([str(word) for word in command]))
            print(f"round {turn + 1}  {name:<18} {results[name][-1]:7.1f} images/s", flush=True)
    peer = statistics.median(results["Keras"])
    for name, rates in results.items():
        middle = statistics.median(rates)
        span = f"{min(rates):.0f} to {max(rates):.0f}"
        print(f"{name:<18} median {middle:7.1f} images/s ({span})  {middle / peer:.2f} x Keras")


if __name__ == "__main__":
    main()
