"""What cannot be true of any run on any machine, whoever says it.

Checksums tell damage, not forgery: whoever edits a record can compute them anew. What is refused here contradicts
itself, arithmetic, or what the machine can do; a forger who is careful passes. Every limit leaves room for honest
records of fast devices, disturbed runs and clocks that were set, and says why it is where it is.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from trainmark import stacks
from trainmark.experiment import controls, suites
from trainmark.experiment.suites.suite import Model, Suite
from trainmark.records.record import OK

# Older than every framework that this project has measured.
EARLIEST = "2020"
_TOLERANCE = 1e-6  # of sums of times and energies, relative
# The time of day is rounded, and slewed against the clock of durations by 0.05 % at most (adjtimex(2)); where it was
# set, the record says by how much.
_CLOCK_SECONDS, _CLOCK_SHARE = 1.0, 1e-3
# A box with eight GPUs of a kilowatt draws a quarter of this.
_MOST_WATTS = 50_000.0
# An image that is classified wrongly gives its own class at most half of the probability, one that is classified
# rightly at least that of chance, which goes with the number of classes.
_LEAST_LOSS_IF_WRONG = math.log(2)
# Where nearly all of so many images are right, the mean loss is below 1, unless the few wrong ones lose over 100 each.
_MANY, _NEARLY_ALL, _MOST_LOSS_THEN, _MOST_LOSS_IF_WRONG = 1000, 0.99, 1.0, 100.0
_LOSS_TOLERANCE = 1e-3  # means are added up in float32
# Validation and test images are of one distribution, and few models gain or lose a tenth between them but by chance,
# whose standard error is at most that of throwing a coin.
_MOST_APART, _STANDARD_ERRORS = 0.1, 5


def find_impossible(record: Any, workload: Any, latest: str) -> str | None:
    """What in a record cannot be true of any run, in a sentence; None if nothing is known to be.

    Args:
        record: as its schema describes it, complete if it is ok.
        workload: what it computed.
        latest: the latest time at which a run can have ended, as ``provenance.now`` writes it.
    """
    return next(_all(record, workload, latest), None)


def _all(record: Any, workload: Any, latest: str) -> Iterator[str]:
    yield from _of_times(record, latest)
    if workload.model != record.model:
        yield f"its workload is of model {workload.model!r}, but the record is of {record.model!r}"
    suite = suites.named(workload.suite or suites.DEFAULT)
    yield from _of_data(workload, suite)
    if record.status == OK:
        yield from _of_durations(record, workload.epochs)
        yield from _of_learning(record.accuracy, workload, math.log(suite.data.classes))
        yield from _of_placement(record)
        yield from _of_execution(record, workload, suite.models.get(record.model))
        yield from _of_energy(record)
    elif len(record.durations.epoch_seconds or ()) > workload.epochs:
        yield f"it has {workload.epochs} epochs, but {len(record.durations.epoch_seconds)} times of epochs"


def _of_data(workload: Any, suite: Suite) -> Iterator[str]:
    """What cannot be of the images that a run used."""
    used, there = workload.train_samples + workload.validation_samples, suite.data.train_images
    if used > there:
        yield f"it used {used} training and validation images, but there are {there}"
    if workload.test_samples > suite.data.test_images:
        yield f"it used {workload.test_samples} test images, but there are {suite.data.test_images}"
    named = (workload.data.name, workload.data.sha256)
    if suite.name != suites.DEFAULT and named != (suite.data.name, dict(suite.data.sha256)):
        yield f"its suite is {suite.name}, but its data are {workload.data.name!r} with other checksums or another name"


def _of_times(record: Any, latest: str) -> Iterator[str]:
    """Of texts of one form, which sort like the times that they are."""
    start, end = record.started_at, record.ended_at
    for what, text in (("started", start), ("ended", end)):
        if not is_date(text):
            yield f"it {what} at {text}, which is no date"
        if not EARLIEST <= text <= latest:
            yield f"it {what} at {text}, before {EARLIEST} or after tomorrow: the machine's clock was wrong"
    if end < start:
        yield f"it ended at {end}, before it started at {start}"


def is_date(text: str) -> bool:
    """Whether a time that looks like one is in the calendar."""
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _of_durations(record: Any, epochs: int) -> Iterator[str]:
    times = record.durations
    if len(times.epoch_seconds) != epochs or len(times.validation_seconds) != epochs:
        counts = f"{len(times.epoch_seconds)} and {len(times.validation_seconds)}"
        yield f"it has {epochs} epochs, but {counts} times of epochs and validations"
        return
    fit = times.fit_seconds
    if sum(times.epoch_seconds) > fit * (1 + _TOLERANCE):
        yield f"its epochs took {sum(times.epoch_seconds):.3f} s of a fit of {fit:.3f} s"
    if any(inner > outer for inner, outer in zip(times.validation_seconds, times.epoch_seconds)):
        yield "a validation took longer than its epoch"
    if times.first_epoch_seconds != times.epoch_seconds[0]:
        yield "first_epoch_seconds is not the first of epoch_seconds"
    later = times.epoch_seconds[1:]
    steady = sum(later) / len(later) if later else None
    said = times.steady_state_epoch_seconds
    if _differ(said, steady):
        yield f"steady_state_epoch_seconds is {said}, but the mean of epochs 2 to {epochs} is {steady}"
    inside = times.fit_setup_seconds + sum(times.epoch_seconds) + times.fit_teardown_seconds
    if inside > fit * (1 + _TOLERANCE):
        yield f"the parts of its fit took {inside:.3f} s, but the fit {fit:.3f} s"
    whole = fit + times.import_seconds + times.data_seconds + times.build_seconds + times.evaluate_seconds
    passed = (_time(record.ended_at) - _time(record.started_at)).total_seconds()
    set_back = max(0.0, -(record.noise.clock_jump_seconds or 0.0))
    if whole > passed + set_back + _CLOCK_SECONDS + _CLOCK_SHARE * whole:
        yield (
            f"its parts took {whole:.3f} s, but it ended {passed:.3f} s after it started: it was edited, or the "
            "machine's clock was set back during the run"
        )


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def _differ(said: float | None, true: float | None) -> bool:
    if said is None or true is None:
        return said is not true
    return abs(said - true) > _TOLERANCE * true


def _of_learning(accuracy: Any, workload: Any, chance: float) -> Iterator[str]:
    curves = {
        "train_loss": accuracy.train_loss,
        "train_accuracy": accuracy.train_accuracy,
        "validation_loss": accuracy.validation_loss,
        "validation_accuracy": accuracy.validation_accuracy,
    }
    for name, values in curves.items():
        if len(values) != workload.epochs:
            yield f"it has {workload.epochs} epochs, but {len(values)} values of {name}"
            return
        if None in values:
            yield f"its status is ok although a value of {name} is not a number"
            return
    if accuracy.test_loss is None or accuracy.test_accuracy is None:
        yield "its status is ok although its test loss or accuracy is not a number"
        return
    if workload.loss == "sparse_categorical_crossentropy":
        found = accuracy.train_loss, accuracy.train_accuracy, workload.train_samples
        yield from _of_losses("training", *found, chance)
        found = accuracy.validation_loss, accuracy.validation_accuracy, workload.validation_samples
        yield from _of_losses("validation", *found, chance)
        tested = [accuracy.test_loss], [accuracy.test_accuracy], workload.test_samples
        yield from _of_losses("test", *tested, chance)
    apart = abs(accuracy.validation_accuracy[-1] - accuracy.test_accuracy)
    error = 0.5 * math.sqrt(1 / workload.validation_samples + 1 / workload.test_samples)
    if apart > _MOST_APART + _STANDARD_ERRORS * error:
        yield (
            f"its accuracy is {accuracy.validation_accuracy[-1]:.3f} on the validation set and "
            f"{accuracy.test_accuracy:.3f} on the test set, which are alike"
        )


def _of_losses(
    which: str, losses: Sequence[float], accuracies: Sequence[float], images: int, chance: float
) -> Iterator[str]:
    """What cannot be of a mean cross-entropy beside the share of images that are right; ``chance``: of guessing."""
    for loss, right in zip(losses, accuracies):
        wrong = 1 - right
        least = wrong * _LEAST_LOSS_IF_WRONG * (1 - _LOSS_TOLERANCE) - _LOSS_TOLERANCE
        most = chance * (1 + _LOSS_TOLERANCE) if wrong == 0 else math.inf
        if images >= _MANY and right >= _NEARLY_ALL:
            most = min(most, _MOST_LOSS_THEN + _MOST_LOSS_IF_WRONG * wrong)
        if not least <= loss <= most:
            yield f"its {which} loss is {loss:.3g} although {right:.3f} of {images:,} images were right"
            return


def _of_placement(record: Any) -> Iterator[str]:
    """What cannot be of where the observed step was executed."""
    found, device = record.execution, record.device
    where = device.upper()
    for what, devices in (("variables", found.variable_devices), ("arithmetic", found.arithmetic_devices)):
        if not devices or not all(name.startswith(where) for name in devices):
            yield f"a {device} run had its {what} on {', '.join(devices) or 'no device'}"
    if not any(name.startswith(where) for name in found.step_operations):
        yield f"a {device} run had no operation of its step on the {where}"
    if device == "cpu" and not all(name.startswith(where) for name in found.step_operations):
        yield f"a cpu run had operations on {', '.join(found.step_operations)}"


def _of_execution(record: Any, workload: Any, model: Model | None) -> Iterator[str]:
    """What cannot be of the settings with which a run was executed, beside what it was to compute."""
    found = record.execution
    if found.floatx != workload.precision:
        yield f"it computed in {found.floatx}, but its workload is of {workload.precision}"
    if found.jit_compile and not (workload.jit_compile or found.always_compiled or record.control == controls.XLA):
        yield "it was compiled, but its workload is without compiling"
    if found.optimizer_class.rpartition(".")[2].lower() != workload.optimizer.name:
        yield f"its optimizer was {found.optimizer_class}, but its workload has {workload.optimizer.name}"
    if model and model.parameters not in (None, found.parameters):  # any number is believed of a user's own model
        yield f"its model has {found.parameters:,} parameters, but {record.model} has {model.parameters:,}"
    if not _fits(record.stack, version := record.versions.framework_version or ""):
        yield f"it ran {record.versions.framework} {version or 'of no version'}, but its stack is {record.stack}"
    listed = record.environment.packages is not msgspec.UNSET
    if stacks.is_unpinned(record.stack) != listed:
        yield f"its stack is {record.stack}, but it has {'a' if listed else 'no'} list of what was installed"
    yield from _of_control(record, workload)


def _of_control(record: Any, workload: Any) -> Iterator[str]:
    """What cannot be of a control that happened, or of a run that is none."""
    found, control = record.execution, record.control
    held_to = controls.threads(control)
    if held_to not in (None, found.intra_op_threads):
        yield f"it is a control of {held_to} threads, but had {found.intra_op_threads}"
    if (control == controls.DEVICE_DATA) != bool(found.look_up_devices):
        where = ", ".join(found.look_up_devices or ()) or "no device"
        yield f"its images were on {where}, but its control is {control or 'none'}"
    if control == controls.XLA and (workload.jit_compile or found.always_compiled or not found.jit_compile):
        was = "like its plain runs" if workload.jit_compile or found.always_compiled else "not compiled"
        yield f"it is the control {control}, but was {was}"
    computed, wanted = found.compute_types or [], controls.computes_in(control)
    if computed != ([wanted] if wanted else []):
        yield f"its layers computed in {', '.join(computed) or found.floatx}, but its control is {control or 'none'}"
    capability = stacks.numbers(record.gpu.compute_capability) if record.gpu else ()
    if control == controls.TF32 and not (found.tensor_float_32 and capability >= controls.SINCE_AMPERE):
        yield f"it is the control {control}, but no product of it can have been rounded to TensorFloat-32"
    if bool(found.input_pipeline) != (control == controls.TF_DATA):
        fed = found.input_pipeline or "arrays"
        yield f"its images came from {fed}, but its control is {control or 'none'}"


def _fits(stack: str, version: str) -> bool:
    """Whether a stack can have had this version of its framework: a pinned one is named after the first numbers."""
    if stacks.is_unpinned(stack):
        return stacks.unpinned(stacks.framework(stack), version) == stack
    named = stacks.version(stack)
    return not named or f"{version}.".startswith(f"{named}.")


def _of_energy(record: Any) -> Iterator[str]:
    energy, fit = record.energy, record.durations.fit_seconds
    if energy.joules is None:
        return
    counted = [domain for domain in energy.domains if domain.counted]
    total = sum(domain.joules or 0.0 for domain in counted)
    if abs(total - energy.joules) > _TOLERANCE * energy.joules:
        yield f"it used {energy.joules:.6g} J, but its parts used {total:.6g} J"
    if energy.window_seconds is None or abs(energy.window_seconds - fit) > _CLOCK_SECONDS + _CLOCK_SHARE * fit:
        yield f"its energy is of {energy.window_seconds} s, but its fit took {fit:.3f} s"
        return
    if energy.joules > _MOST_WATTS * energy.window_seconds:
        yield f"it drew {energy.joules / energy.window_seconds:,.0f} W, more than any machine of its kind"
    if energy.joules_above_idle is not None:
        idle = sum(domain.idle_watts or 0.0 for domain in counted) * energy.window_seconds
        if abs(energy.joules - idle - energy.joules_above_idle) > _TOLERANCE * (energy.joules + idle):
            yield f"it used {energy.joules_above_idle:.6g} J above idle, but by its parts {energy.joules - idle:.6g} J"
