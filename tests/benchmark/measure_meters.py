"""What the meters cost: the epochs of one training, in turns with the watching process at work beside it and stopped.

Neighbouring epochs share what a machine drifts by, which between whole runs is far above the cost; outside the epochs
the meters have no part in the recorded time. The meters are fakes of RAPL's files and of NVML, since not every machine
has real ones; what is read, how often, and by which process is the same. Part of `make bench`.
"""

import argparse
import json
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow/scripts"
sys.path[:0] = [str(SCRIPTS), str(ROOT)]

from trainmark.dataset import fashion_mnist
from trainmark.experiment import suites, workloads
from trainmark.machine import hardware
from trainmark.measure.worker import frameworks, settings
from trainmark.planning import plan
from trainmark.records import repeats_needed

CONFIG = {"train_samples": 50000, "validation_samples": 10000, "test_samples": 10000, "epochs": 1}
CONFIG |= {"learning_rate": 0.001, "jit_compile": False}
BATCH_SIZE = 512
WATCH = """
import sys; sys.path[:0] = [{scripts!r}, {root!r}]
import json, time
from pathlib import Path
from tests.fakes import FakeNvml, write_zone
from trainmark.machine import gpus, meters
from trainmark.measure import sampler
folder = Path({folder!r})
write_zone(folder, "intel-rapl:0", "package-0", 1)
write_zone(folder, "intel-rapl:0:0", "dram", 1)
used = time.process_time()
sampler.serve(([meters.Rapl(folder), meters.Nvml(gpus.Gpu("P100", uuid="GPU-1"), FakeNvml(counts=False))], []))
print(json.dumps(time.process_time() - used))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=300, help="of epochs with and without")
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        fashion_mnist.save_arrays(fashion_mnist.obtain(None, allow_download=True)[0], Path(folder))
        code = WATCH.format(scripts=str(SCRIPTS), root=str(ROOT), folder=f"{folder}/powercap")
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True) as watcher:
            watcher.stdout.readline()  # it has found its meters
            first, *times = train(Path(folder), watcher, pairs + 1)  # the first pair holds the tracing
            watcher.send_signal(signal.SIGCONT)
            end = time.perf_counter()
            said, _ = watcher.communicate(json.dumps({"device": "cpu", "window": [end - 1, end], "idle": None}) + "\n")
    used = json.loads(said.splitlines()[-1])
    awake = first[True] + sum(pair[True] for pair in times)
    ratios = [pair[True] / pair[False] for pair in times]
    low, high = repeats_needed.median_interval(ratios)
    cores = hardware.usable_cores()
    print(f"{hardware.chip()}, {cores} cores, {platform.system()}; mlp, batch size {BATCH_SIZE}, {2 * pairs} epochs of")
    print(f"{statistics.median(pair[False] for pair in times):.3f} s (median without the meters)")
    print(f"CPU time of the watching process: {used / awake / cores:.3%} of all cores")
    print(f"epoch with meters / without: median {statistics.median(ratios):.4f} of {pairs} neighbouring pairs,")
    print(f"95 % interval of the median {low:.4f} to {high:.4f}; single pairs {min(ratios):.2f} to {max(ratios):.2f}")


def train(folder: Path, watcher: subprocess.Popen, pairs: int) -> list[dict[bool, float]]:
    """Seconds of the epochs of each pair, with the watching process at work (True) and stopped (False)."""
    framework = frameworks.of(plan.surroundings(False).installed_stack or "")
    framework.load("cpu", hardware.usable_cores())
    framework.configure("cpu", hardware.usable_cores())
    keras = framework.keras
    keras.utils.set_random_seed(1)
    train_set = fashion_mnist.load_split(
        folder, *(CONFIG[f"{part}_samples"] for part in ("train", "validation", "test"))
    )[0]
    model = suites.named(suites.DEFAULT).models["mlp"].build(keras)
    settings.compile_model(framework, model, workloads.describe("mlp", CONFIG))
    times: list[dict[bool, float]] = [{} for _ in range(pairs)]

    class InTurns(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            # Which of a pair comes first changes from pair to pair, or a drift would look like a cost.
            self.working = (epoch % 2 == 0) == (epoch // 2 % 2 == 0)
            watcher.send_signal(signal.SIGCONT if self.working else signal.SIGSTOP)
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            times[epoch // 2][self.working] = time.perf_counter() - self.start

    model.fit(*train_set, batch_size=BATCH_SIZE, epochs=2 * pairs, verbose=0, callbacks=[InTurns()])
    return times


if __name__ == "__main__":
    main()
