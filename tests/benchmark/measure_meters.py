"""What the meters cost: the recorded fit time with the watching process beside it, and without, in turns.

The meters are fakes of RAPL's files and of NVML, since not every machine has real ones; what is read, how often, and
by which process is the same. A machine's own noise may be far above the cost, so the CPU time of the watching process
is told too, as a share of all cores over the time that it watched. Part of `make bench`.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow/scripts"
sys.path[:0] = [str(SCRIPTS), str(ROOT)]

from trainmark import dataset, grid, hardware, supervision, workloads

CONFIG = {"train_samples": 50000, "validation_samples": 10000, "test_samples": 10000, "epochs": 5}
CONFIG |= {"learning_rate": 0.001, "jit_compile": False}
WATCH = """
import sys; sys.path[:0] = [{scripts!r}, {root!r}]
from pathlib import Path
from tests.fakes import FakeNvml, write_zone
from trainmark import meters, watching
folder = Path({folder!r})
write_zone(folder, "intel-rapl:0", "package-0", 1)
write_zone(folder, "intel-rapl:0:0", "dram", 1)
import time
begin, used = time.perf_counter(), time.process_time()
watching.serve(([meters.Rapl(folder), meters.Nvml(FakeNvml(counts=False))], []))
share = (time.process_time() - used) / (time.perf_counter() - begin)
with open({folder!r} + "-shares", "a") as file:
    file.write(f"{{share}}\\n")
"""
NO_METER = 'print(\'{"domains": [], "missing": ["none"], "gpu_processes": null}\')'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10, help="of runs with and without")
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        dataset.save_arrays(dataset.obtain(None, allow_download=True)[0], Path(folder, "data"))
        Path("log").touch()
        watch = WATCH.format(scripts=str(SCRIPTS), root=str(ROOT), folder=f"{folder}/powercap")
        print(f"{hardware.chip()}, {hardware.usable_cores()} cores, {platform.system()}; mlp, batch size 512, 5 epochs")
        ratios = []
        for number in range(pairs):
            order = (watch, NO_METER) if number % 2 else (NO_METER, watch)
            times = {code: fit(folder, code) for code in order}
            ratios.append(times[watch] / times[NO_METER])
            print(f"pair {number + 1}: without {times[NO_METER]:.3f} s, with {times[watch]:.3f} s", flush=True)
        ends = f"{min(ratios):.3f} to {max(ratios):.3f}"
        shares = [float(line) for line in Path(f"{folder}/powercap-shares").read_text().split()]
        share = statistics.median(shares) / hardware.usable_cores()
        print(f"CPU time of the watching process: {share:.3%} of all cores (median of {len(shares)} runs)")
        print(f"fit with meters / without: median {statistics.median(ratios):.4f} of {pairs} pairs ({ends})")


def fit(folder: str, watch: str) -> float:
    """Recorded fit time of one run, in seconds."""
    request = supervision.Request(
        run=grid.Run(grid.Cell("synthetic", "tf-2.19", "cpu", "mlp", 512), 1),
        workload=workloads.describe("mlp", CONFIG),
        seed=1,
        threads=None,
        time_limit_seconds=600,
        data_folder=Path(folder, "data"),
        lock_file=ROOT / f"envs/tf-2.19.{hardware.platform_tag()}.yaml",
        workflow_pid=None,
    )
    train = [sys.executable, str(SCRIPTS / "time_training.py"), "--child"]
    return supervision.supervise(request, train, [sys.executable, "-c", watch], Path("log")).durations["fit_seconds"]


if __name__ == "__main__":
    main()
