"""How often the convergence gate errs: false alarms among healthy runs, and what it catches of crippled ones.

False alarms, from config/references.yaml: every reference run held against the others of its cell, after each epoch;
and against six of the others drawn at random. Detection: real trainings on this CPU of each model with the
learning rate times 100, with shuffled labels, and with the gradients of one layer set to zero, layer by layer; a
healthy one beside them.
"""

import argparse
import copy
import itertools
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from trainmark.analysis import convergence
from trainmark.dataset import fashion_mnist
from trainmark.experiment.suites.fashion_mnist import MODELS

BATCH_SIZE, EPOCHS, RESAMPLED = 512, 5, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", type=float, default=0.001, help="convergence_level of the configuration")
    parser.add_argument("--models", nargs="*", default=list(MODELS), help="to cripple; none to skip that")
    args = parser.parse_args()
    references = convergence.load(ROOT / "config/references.yaml")
    print_false_alarms(references, args.level)
    if args.models:
        print_detection(convergence.Gate(references, args.level), references.settings, args.models)


def print_false_alarms(references: convergence.References, level: float) -> None:
    """Shares of healthy runs that are refused."""
    rng = np.random.default_rng(2023)
    alone, resampled = [], []
    for sizes, epoch in itertools.product(references.accuracy.values(), range(EPOCHS)):
        cells = [[run[epoch] for run in runs] for runs in sizes.values()]
        for number, values in enumerate(cells):
            for position, value in enumerate(values):
                rest = values[:position] + values[position + 1 :]
                alone.append(refused(value, rest, [rest, *cells[:number], *cells[number + 1 :]], level))
                for _ in range(RESAMPLED):
                    drawn = [list(rng.choice(group, 6, replace=False)) for group in cells]
                    drawn[number] = list(rng.choice(rest, 6, replace=False))
                    resampled.append(refused(value, drawn[number], drawn, level))
    print(f"false alarms at level {level:g}, of healthy runs:")
    print(f"  each reference run against the others: {sum(alone)} of {len(alone)} ({np.mean(alone):.2%})")
    print(
        f"  each against six of the others, resampled: {sum(resampled)} of {len(resampled)} ({np.mean(resampled):.2%})"
    )


def refused(value: float, values: list[float], siblings: list[list[float]], level: float) -> bool:
    """Whether a run of this accuracy is refused by references of these."""
    least, deviation, limit = convergence.limit_of(values, siblings, level)
    return (value - least) / deviation < limit


def print_detection(gate: convergence.Gate, settings: str, models: list[str]) -> None:
    """Train crippled and healthy models and say what the gate makes of them."""
    import tensorflow as tf

    folder = ROOT / "results" / "data"
    if not (folder / "train-images-idx3-ubyte.npy").exists():
        fashion_mnist.save_arrays(fashion_mnist.obtain(None, allow_download=True)[0], folder)
    splits = fashion_mnist.load_split(folder, 50000, 10000, 10000)
    shuffled = copy.copy(splits[0][1])
    np.random.default_rng(1).shuffle(shuffled)
    print(f"\n| model, batch size {BATCH_SIZE} | crippled by | accuracy after epoch {EPOCHS} | verdict | reason |")
    print("|---|---|---|---|---|")
    for model in models:
        layers = range(sum(bool(layer.weights) for layer in MODELS[model].build(tf.keras).layers))
        cases = [("nothing", {}), ("learning rate x 100", {"rate": 0.1}), ("shuffled labels", {"labels": shuffled})]
        cases += [(f"no gradients in layer {number + 1} of {len(layers)}", {"frozen": number}) for number in layers]
        for name, how in cases:
            history = train(tf, model, splits, **how)
            verdict = gate.judge(model, BATCH_SIZE, history, settings)
            said = "not converged" if verdict.reason else "converged"
            shown = history["validation_accuracy"][-1]
            print(f"| {model} | {name} | {shown:.3f} | {said} | {verdict.reason} |", flush=True)


def train(tf, model: str, splits: tuple, rate: float = 0.001, labels=None, frozen: int | None = None) -> dict:
    """One training, and its curves as a record names them."""
    tf.keras.utils.set_random_seed(99)
    built = MODELS[model].build(tf.keras)
    if frozen is not None:
        [layer for layer in built.layers if layer.weights][frozen].trainable = False
    optimizer = tf.keras.optimizers.Adam(rate)
    built.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    (x, y), validation, _ = splits
    y = y if labels is None else labels
    found = built.fit(x, y, BATCH_SIZE, EPOCHS, validation_data=validation, verbose=0).history
    names = {"train_loss": "loss", "validation_loss": "val_loss", "validation_accuracy": "val_accuracy"}
    return {name: [float(value) for value in found[key]] for name, key in names.items()}


if __name__ == "__main__":
    main()
