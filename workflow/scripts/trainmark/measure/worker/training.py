"""The timed training.

It runs in a fresh process that ``supervision`` starts. What is timed is what most people would write: ``fit`` with
arrays and validation data, then ``evaluate``. No callback works per batch, since such callbacks make Keras wait for
the device after every step.

A device may work on when a framework returns. So each time ends when the device is done: it is waited for once at the
end of an epoch's training, of its validation (which is the end of the epoch), of ``fit`` and of ``evaluate``, in every
stack. What that costs is in docs/method.md.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trainmark import system
from trainmark.experiment import controls, suites
from trainmark.install import lockfile
from trainmark.machine import disturbances
from trainmark.measure.messages import (
    Accuracy,
    Curves,
    Durations,
    Ending,
    KeptCurves,
    Scores,
    TrainingAnswer,
    TrainingRequest,
    nothing_measured,
)
from trainmark.measure.worker import device_data, device_proof, failures, frameworks, settings, variants, versions
from trainmark.measure.worker.frameworks import Framework
from trainmark.records.record import OK


class StoppedError(BaseException):
    """The supervisor wants no more of this training; no Exception, since frameworks catch those."""


def train(request: TrainingRequest) -> TrainingAnswer:
    """Train once and say how it went; a failure becomes a status, never an exception.

    With SIGTERM it ends before its time, with the epochs that it has finished.
    """
    measured = nothing_measured(OK, None)
    ending: Ending
    try:
        with _stoppable():
            ending = _judge(_measure(request, measured))
    except StoppedError:
        ending = {"status": "timed_out", "reason": "The training was stopped."}
    except Exception as error:
        traceback.print_exc()  # to the run's log
        ending = failures.classify(error)
    measured["peak_memory_bytes"] = _peak_memory_bytes()
    return {**measured, **ending}


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Raise StoppedError at SIGTERM, once, between two instructions of Python: after the step that is computed."""

    def stop(signum: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise StoppedError

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _measure(request: TrainingRequest, measured: TrainingAnswer) -> Accuracy:
    """Fill ``measured`` step by step, so that a failure keeps what came before it; gives what the model learned."""
    device, framework = request["device"], frameworks.of(request["stack"])
    start = time.perf_counter()
    framework.load(device, request["threads"])
    measured["durations"]["import_seconds"] = time.perf_counter() - start
    measured["versions"] |= versions.found(framework)
    lockfile.refuse_differences(Path(request["lock_file"]), versions.imported(framework))
    framework.configure(device, request["threads"])
    settings.refuse_other_defaults(framework, request["workload"]["precision"])
    variants.set_up(framework, request["control"], device)
    framework.keras.utils.set_random_seed(request["seed"])

    model, (train_set, validation_set, test_set) = _prepare(framework, request, measured["durations"])
    measured["execution"] |= settings.in_use(framework, model)
    if request["cpus"]:
        measured["execution"]["cpus"] = sorted(os.sched_getaffinity(0))
    curves = _fit(framework, model, (train_set, validation_set), request, measured)
    scores = _evaluate(framework, model, test_set, request["batch_size"], measured["durations"])
    accuracy: Accuracy = {**curves, **scores}
    measured["accuracy"] = accuracy
    # Last, because it takes one more training step.
    images, labels = (each[: request["batch_size"]] for each in train_set)
    measured["execution"] |= device_proof.observe(framework, model, (images, labels), device)
    del measured["execution"]["optimizer_devices"]
    measured["gpu"] = framework.gpu() if device == "gpu" else None
    device_proof.check(framework, measured["execution"], device)
    return accuracy


def _prepare(
    framework: Framework, request: TrainingRequest, durations: Durations
) -> tuple[Any, Sequence[tuple[Any, Any]]]:
    """Load the data and build the model; gives the compiled model, and the sets to train, validate and test with."""
    workload = request["workload"]
    start = time.perf_counter()
    sets: Sequence[tuple[Any, Any]] = suites.of(workload).data.load_split(
        Path(request["data_folder"]),
        workload["train_samples"],
        workload["validation_samples"],
        workload["test_samples"],
    )
    durations["data_seconds"] = time.perf_counter() - start

    start = time.perf_counter()
    model = suites.model_of(workload).build(framework.keras)
    if request["control"] == controls.DEVICE_DATA:
        images, sets = device_data.move_in(framework, request["device"], sets)
        model = device_data.looking_up(framework, images, model)
    settings.compile_model(framework, model, variants.workload(workload, request["control"]))
    durations["build_seconds"] = time.perf_counter() - start
    return model, sets


def _fit(
    framework: Framework,
    model: Any,
    sets: Any,
    request: TrainingRequest,
    measured: TrainingAnswer,
) -> Curves:
    """The timed ``fit`` on a set with another one to validate; gives the curves of loss and accuracy."""
    durations, clock = measured["durations"], time.perf_counter
    epochs = _epoch_clock(framework)
    before, cpu_start, start = disturbances.snapshot(), time.process_time(), clock()
    fed = variants.fed(framework, request["control"], sets, request["batch_size"])
    try:
        history = model.fit(
            **fed,
            epochs=request["workload"]["epochs"],
            verbose=0,  # the progress bar waits for the device after every batch
            callbacks=[epochs],
        )
    except StoppedError:
        _keep_finished(epochs, model.history.history, measured)
        raise
    framework.wait(model)
    durations["fit_seconds"] = clock() - start
    cpu_seconds = time.process_time() - cpu_start
    measured["noise"] = disturbances.between(before, disturbances.snapshot(), cpu_seconds)
    measured["fit_window"] = (start, start + durations["fit_seconds"])
    measured["peak_device_memory_bytes"] = _peak_device_memory_bytes(framework, request["device"])
    if request["control"] == controls.TF_DATA:
        measured["execution"]["input_pipeline"] = f"{type(fed['x']).__module__}.{type(fed['x']).__qualname__}"
    durations |= {
        "fit_setup_seconds": epochs.first_start - start,
        "fit_teardown_seconds": start + durations["fit_seconds"] - epochs.last_end,
        **_epoch_durations(epochs, len(epochs.epoch_seconds)),
    }
    return _curves(history.history, len(epochs.epoch_seconds))


def _epoch_durations(epochs: Any, count: int) -> Durations:
    """Of the first so many epochs, at least one."""
    seconds = epochs.epoch_seconds[:count]
    later = seconds[1:]
    return {
        "epoch_seconds": seconds,
        "validation_seconds": epochs.validation_seconds[:count],
        "first_epoch_seconds": seconds[0],
        "steady_state_epoch_seconds": sum(later) / len(later) if later else None,
    }


def _curves(history: dict[str, list[Any]], count: int) -> Curves:
    """Of the first so many epochs."""
    return {
        "train_loss": [float(value) for value in history["loss"][:count]],
        "train_accuracy": [float(value) for value in history["accuracy"][:count]],
        "validation_loss": [float(value) for value in history["val_loss"][:count]],
        "validation_accuracy": [float(value) for value in history["val_accuracy"][:count]],
    }


def _keep_finished(epochs: Any, history: dict[str, list[Any]], measured: TrainingAnswer) -> None:
    """Keep what is known of the epochs that a training has finished before it was stopped."""
    count = min(len(epochs.epoch_seconds), len(history.get("val_accuracy", [])))
    if count:
        measured["durations"] |= _epoch_durations(epochs, count)
        kept: KeptCurves = {**_curves(history, count), "test_loss": None, "test_accuracy": None}
        measured["accuracy"] = kept


def _evaluate(
    framework: Framework, model: Any, test_set: tuple[Any, Any], batch_size: int, durations: Durations
) -> Scores:
    """Loss and accuracy on the test set."""
    start = time.perf_counter()
    test_loss, test_accuracy = model.evaluate(*test_set, batch_size=batch_size, verbose=0)
    framework.wait(model)
    durations["evaluate_seconds"] = time.perf_counter() - start
    return {"test_loss": float(test_loss), "test_accuracy": float(test_accuracy)}


def _epoch_clock(framework: Framework) -> Any:
    """A callback that times epochs, and the validation inside each, in seconds."""

    class EpochClock(framework.keras.callbacks.Callback):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.epoch_seconds: list[float] = []
            self.validation_seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch_start = time.perf_counter()
            if epoch == 0:
                self.first_start = self._epoch_start

        def on_test_begin(self, logs: Any = None) -> None:
            framework.wait(self.model)
            self._validation_start = time.perf_counter()

        def on_test_end(self, logs: Any = None) -> None:
            framework.wait(self.model)
            self.validation_seconds.append(time.perf_counter() - self._validation_start)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.last_end = time.perf_counter()
            self.epoch_seconds.append(self.last_end - self._epoch_start)

    return EpochClock()


def _judge(accuracy: Accuracy) -> Ending:
    """How a training went that came to its end."""
    for name, losses in (("train", accuracy["train_loss"]), ("validation", accuracy["validation_loss"])):
        for epoch, value in enumerate(losses, start=1):
            if not math.isfinite(value):
                return {"status": "nan", "reason": f"The {name} loss is {value} in epoch {epoch}."}
    if not math.isfinite(accuracy["test_loss"]):
        return {"status": "nan", "reason": f"The test loss is {accuracy['test_loss']}."}
    return {"status": OK, "reason": None}


def _peak_memory_bytes() -> int:
    """Peak resident memory of this process; getrusage(2) counts in KiB on Linux and in bytes on a Mac."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if system.MAC else peak * 1024


def _peak_device_memory_bytes(framework: Framework, device: str) -> int | None:
    """The most GPU memory that tensors took; None on the CPU, and where a plug-in does not count."""
    if device == "cpu":
        return None
    try:
        return framework.peak_device_memory_bytes()
    except Exception as error:  # of whatever kind a plug-in raises
        print(f"no peak of the GPU's memory: {error}", file=sys.stderr)
        return None
