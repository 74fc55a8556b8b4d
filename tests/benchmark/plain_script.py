"""The plain one-process script that the article describes, as most people would write it.

It loads Fashion-MNIST from a folder of IDX files, trains each model at each batch size one after the other in this
one process, and prints the seconds of each ``fit`` as one line of JSON. The models are written out here, not imported:
a benchmark of the harness must not run through the harness.
"""

import argparse
import gzip
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

# The framework has to be known before Keras is imported.
BACKEND = sys.argv[sys.argv.index("--backend") + 1] if "--backend" in sys.argv else "tensorflow"
os.environ["KERAS_BACKEND"] = BACKEND
if BACKEND == "tensorflow":
    import tensorflow as tf

    keras = tf.keras
else:
    import keras

layers = keras.layers


def read_idx(path, offset):
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)


def load_data(folder):
    images = {p: read_idx(folder / f"{p}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28) for p in ("train", "t10k")}
    labels = {p: read_idx(folder / f"{p}-labels-idx1-ubyte.gz", 8) for p in ("train", "t10k")}
    x, x_test = (images[p].astype("float32") / 255 for p in ("train", "t10k"))
    y, y_test = labels["train"], labels["t10k"]
    return (x[:50000], y[:50000]), (x[50000:], y[50000:]), (x_test, y_test)


def mlp():
    return [
        layers.Flatten(),
        layers.Dense(512, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ]


def cnn():
    return [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def lstm():
    return [layers.LSTM(128), layers.Dense(10, activation="softmax")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the four .gz files of Fashion-MNIST")
    parser.add_argument(
        "--backend", default="tensorflow", help="Keras' name of the framework: tensorflow, torch or jax"
    )
    parser.add_argument("--models", nargs="+", default=["mlp", "cnn", "lstm"])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[32, 128, 512, 1024])
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()

    train, validation, test = load_data(args.data)
    for name in args.models:
        for batch_size in args.batch_sizes:
            model = keras.Sequential([keras.Input((28, 28)), *globals()[name]()])
            model.compile(
                optimizer=keras.optimizers.Adam(0.001),
                loss="sparse_categorical_crossentropy",
                metrics=["accuracy"],
                jit_compile=BACKEND == "jax",  # as the workflow has it: both must compute the same thing
            )
            start = time.perf_counter()
            model.fit(*train, batch_size=batch_size, epochs=args.epochs, validation_data=validation, verbose=0)
            fit_seconds = time.perf_counter() - start
            _, accuracy = model.evaluate(*test, verbose=0)
            result = {"model": name, "batch_size": batch_size, "fit_seconds": fit_seconds, "test_accuracy": accuracy}
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
