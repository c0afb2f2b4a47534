"""The course's source program as a peer: its DCGAN pair and training step in Keras 3, noise passed in.

Needs tensorflow-cpu==2.21.0 in an environment of its own. Prints the images/s of the training step:

    python benchmarks/peers/keras_dcgan.py --data .../cifar-10-batches-bin
"""

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def make_generator(latent_dim=128, width=64):
    """(B, latent_dim) to (B, 32, 32, 3) in [-1, 1]."""
    model = keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(4 * 4 * 8 * width, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((4, 4, 8 * width)),
        ]
    )
    for filters in (4 * width, 2 * width, width):
        model.add(layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.LeakyReLU())
    model.add(layers.Conv2DTranspose(3, 4, padding="same", use_bias=False, activation="tanh"))
    return model


def make_discriminator(width=64, dropout=0.3):
    """(B, 32, 32, 3) in [-1, 1] to (B, 1) logits."""
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for filters in (width, 2 * width, 4 * width):
        model.add(layers.Conv2D(filters, 4, strides=2, padding="same"))
        model.add(layers.LeakyReLU())
        model.add(layers.Dropout(dropout))
    model.add(layers.Flatten())
    model.add(layers.Dense(1))
    return model


def make_train_step(generator, discriminator):
    """Return step(real, noise) -> (g_loss, d_loss), compiled: one forward pass, then both updates."""
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    optimizer_g = keras.optimizers.Adam(1e-4, beta_1=0.5)
    optimizer_d = keras.optimizers.Adam(1e-4, beta_1=0.5)

    @tf.function
    def step(real, noise):
        with tf.GradientTape() as tape_g, tf.GradientTape() as tape_d:
            fake = generator(noise, training=True)
            real_logits = discriminator(real, training=True)
            fake_logits = discriminator(fake, training=True)
            g_loss = cross_entropy(tf.ones_like(fake_logits), fake_logits)
            d_loss = cross_entropy(tf.ones_like(real_logits), real_logits) + cross_entropy(
                tf.zeros_like(fake_logits), fake_logits
            )
        # the tapes hold the pass above, so the discriminator's gradient does not see the generator's update
        for tape, loss, model, optimizer in (
            (tape_g, g_loss, generator, optimizer_g),
            (tape_d, d_loss, discriminator, optimizer_d),
        ):
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return g_loss, d_loss

    return step


def load_real(folder, count):
    """The first images of CIFAR-10's binary release, or noise if folder is None: (count, 32, 32, 3)."""
    if folder is None:
        return np.random.default_rng(0).uniform(-1, 1, (count, 32, 32, 3)).astype("float32")
    records = np.fromfile(folder / "data_batch_1.bin", np.uint8, count=count * 3073).reshape(-1, 3073)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return (images.astype("float32") - 127.5) / 127.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="cifar-10-batches-bin; uniform noise without it")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the clock runs")
    parser.add_argument("--steps", type=int, default=20, help="steps timed")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    step = make_train_step(make_generator(), make_discriminator())
    steps = args.warm_up + args.steps
    images = load_real(args.data, min(10_000, steps * args.batch_size))
    dataset = tf.data.Dataset.from_tensor_slices(images).repeat().batch(args.batch_size, drop_remainder=True)
    seconds = []
    for real in dataset.take(steps):
        start = time.perf_counter()
        g_loss, d_loss = step(real, tf.random.normal((args.batch_size, 128)))
        float(g_loss), float(d_loss)  # waits for the step
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[args.warm_up :])
    print(f"images/s {args.batch_size / median:.1f} | median step {median:.4f} s of {args.steps}")


if __name__ == "__main__":
    main()
