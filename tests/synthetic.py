"""Invented machines of the article's kinds, and records of them that agree with all that the article claims.

Nothing here was measured. Every machine's name begins with "synthetic", and nothing outside the tests reads this.
"""

import copy
import functools
import itertools
import json
from collections.abc import Iterable
from pathlib import Path

from trainmark.analysis import convergence
from trainmark.experiment import controls, workloads
from trainmark.machine import energy, gpus, hardware

from tests.conftest import CONFIG, ROOT, path_of, synthetic_gpu, synthetic_machine, synthetic_record, times_of

MODELS = ("mlp", "cnn", "lstm")
SIZES = (32, 128, 512, 1024)
# Name -> processor, GPU and its cores.
KINDS = {
    "synthetic-m1": ("Apple M1", "Apple M1 GPU", 8),
    "synthetic-m2-max": ("Apple M2 Max", "Apple M2 Max GPU", 30),
    "synthetic-p100": ("Synthetic Xeon", "Tesla P100-PCIE-16GB", None),
    "synthetic-t4": ("Synthetic Xeon", "Tesla T4", None),
    "synthetic-v100": ("Synthetic Xeon", "Tesla V100-SXM2-16GB", None),
}
# Seconds of the P100 by model, at each batch size.
P100 = {"mlp": (55, 17, 7, 6), "cnn": (70, 30, 19, 16), "lstm": (80, 33, 16, 13)}
# How many times faster the M2 Max is, by model and batch size: than each other GPU, and on its GPU than on its CPU.
OVER = {
    "synthetic-p100": {
        "mlp": (0.85, 0.86, 1.05, 1.77),
        "cnn": (0.84, 0.85, 1.06, 1.24),
        "lstm": (0.86, 0.85, 1.05, 1.43),
    },
    "synthetic-m1": {"mlp": (1.2, 1.5, 2.0, 2.2), "cnn": (2.0, 3.1, 3.9, 4.38), "lstm": (1.3, 1.6, 2.4, 3.0)},
}
OVER["synthetic-t4"] = {model: tuple(1.12 * ratio for ratio in OVER["synthetic-p100"][model]) for model in MODELS}
OVER["synthetic-v100"] = {model: tuple(1.06 * ratio for ratio in OVER["synthetic-p100"][model]) for model in MODELS}
CPU = {"mlp": (0.6, 0.75, 0.9, 1.0), "cnn": (2.1, 4.9, 5.1, 5.0), "lstm": (0.8, 1.9, 4.2, 6.77)}
NOISE = (0.997, 1.0, 1.003)


def seconds(machine: str, device: str, model: str, batch_size: int) -> float:
    """Invented training time without noise."""
    position = SIZES.index(batch_size)
    m2 = P100[model][position] / OVER["synthetic-p100"][model][position]
    gpu = m2 * OVER.get(machine, {}).get(model, (1, 1, 1, 1))[position]
    return gpu if device == "gpu" else gpu * CPU[model][position]


@functools.cache
def _real_references() -> convergence.References:
    return convergence.load(ROOT / "config/references.yaml")


def reached(model: str, batch_size: int) -> list[float]:
    """Accuracies that the project's own references take for healthy: their mean after each of two epochs."""
    runs = _real_references().accuracy[model][batch_size]
    return [round(sum(run[epoch] for run in runs) / len(runs), 4) for epoch in range(CONFIG["epochs"])]


def describe(name: str, kind: str | None = None) -> dict:
    """A machine.json of an invented machine."""
    chip, gpu, cores = KINDS[kind or name]
    timed = gpus.Gpu(gpu, cores=cores, memory_bytes=None if cores else 16 * 2**30, driver="synthetic")
    return {**synthetic_machine(name), "chip": chip, "gpus": [timed.describe()]}


def energy_of(kind: str, device: str, seconds: float) -> dict:
    """Invented energy: of the SoC and its memory on a Mac; elsewhere of package and board, of which one is counted."""
    apple = kind in ("synthetic-m1", "synthetic-m2-max")
    scopes = ("SoC", "memory") if apple else ("CPU package", "GPU board")
    busy = (30.0 if device == "gpu" else 20.0, 2.0) if apple else (40.0, 150.0 if device == "gpu" else 25.0)
    counted = (True, True) if apple else (device == "cpu", device == "gpu")
    fixed = {"source": "synthetic", "idle_watts": 1.0, "reason": None}
    domains = [
        {"domain": scope, "scope": scope, "joules": watts * seconds, "counted": counts, **fixed}
        for scope, watts, counts in zip(scopes, busy, counted)
    ]
    return energy.total(domains, device, seconds, 5.0)


def records_of(
    name: str,
    kind: str | None = None,
    devices: Iterable[str] = ("cpu", "gpu"),
    noise: Iterable[float] = NOISE,
    factor=lambda device, model, batch_size: 1.0,
    metered: bool = False,
    **changes,
) -> list[dict]:
    """Records of one invented machine, whose times are multiplied by ``factor`` and by each ``noise``.

    Where it is ``metered``, they have energies.
    """
    identity = {"machine_id_hash": "0" * 32, "hardware": hardware.signature(describe(name, kind))}
    found = []
    for device, model, batch_size in itertools.product(devices, MODELS, SIZES):
        time = seconds(kind or name, device, model, batch_size) * factor(device, model, batch_size)
        for repeat, part in enumerate(noise, start=1):
            more = {"energy": energy_of(kind or name, device, time * part)} if metered else {}
            found.append(
                synthetic_record(
                    machine=name,
                    device=device,
                    model=model,
                    batch_size=batch_size,
                    repeat=repeat,
                    identity=identity,
                    accuracy__validation_accuracy=reached(model, batch_size),
                    durations__fit_seconds=time * part,
                    gpu=synthetic_gpu(KINDS[kind or name][1]) if device == "gpu" else None,
                    **more,
                    **changes,
                )
            )
    return found


def controls_of(records: Iterable[dict], control: str, faster: float = 1.0) -> list[dict]:
    """The same runs once more as a control, so many times faster."""
    found = copy.deepcopy(list(records))
    for data in found:
        data["control"] = control
        times = data["durations"]
        for name, value in times.items():
            times[name] = [each / faster for each in value] if isinstance(value, list) else value / faster
        axes = ("machine", "stack", "device", "model", "batch_size", "repeat", "control")
        data["noise"]["fit_cpu_seconds"] /= faster
        data["energy"] = energy.unmeasured("synthetic")
        data |= times_of([data[axis] for axis in axes], times["fit_seconds"])
        data["execution"] |= {
            controls.DEVICE_DATA: {"look_up_devices": [f"{data['device'].upper()}:0"]},
            controls.XLA: {"jit_compile": True, "optimizer_operations": {"AssignSubVariableOp": 6}},
            controls.TF32: {"tensor_float_32": True},
            controls.TF_DATA: {"input_pipeline": "synthetic.Pipeline"},
        }.get(control, {})
        if held_to := controls.threads(control):
            data["execution"]["intra_op_threads"] = held_to
        if computes_in := controls.computes_in(control):
            data["execution"]["compute_types"] = [computes_in]
        if computes_in == "float16":
            data["execution"]["optimizer_operations"] = {"AddV2": 13}
    return found


def article(**options) -> list[dict]:
    """Records of the five machines."""
    return [record for name in KINDS for record in records_of(name, **options)]


def references() -> convergence.References:
    """References that the records made here are like."""
    settings = {
        key: value for key, value in workloads.describe("mlp", CONFIG).items() if key not in ("model", "epochs")
    }
    return convergence.References(workloads.canonical_json(settings), _real_references().accuracy)


def many(count: int, noise: Iterable[float] = NOISE) -> tuple[list[dict], dict[str, str]]:
    """Records of so many machines, and name -> kind."""
    kinds = {f"{kind}-{number // len(KINDS)}": kind for number, kind in zip(range(count), itertools.cycle(KINDS))}
    records = []
    for number, (name, kind) in enumerate(kinds.items()):
        records += records_of(name, kind, noise=noise, factor=lambda *_, n=number: 1 + 0.03 * n)
    return records, kinds


def write_tree(records: list[dict], folder: Path, kinds: dict[str, str] | None = None, described: bool = True) -> None:
    """Write records, and machine files if they are to be described, below ``folder``/results/machines."""
    for data in records:
        path = folder / path_of(data)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))
        name = data["machine"]
        machine = folder / "results/machines" / name / "machine.json"
        if described and not machine.exists():
            kind = (kinds or {}).get(name, name)
            described = describe(name, kind) if kind in KINDS else synthetic_machine(name)
            machine.write_text(json.dumps(described))
