"""Tests of trainmark.ingest.plausibility: what no run can have measured. All data synthetic."""

import datetime
import json
import math
import tarfile

import pytest
from trainmark.experiment import workloads
from trainmark.ingest import file_reader, plausibility
from trainmark.ingest.bad_files import BadFileError

from tests import synthetic
from tests.conftest import CONFIG, ROOT, failed_record, of_stack, older, path_of, synthetic_record

READER = file_reader.Reader(ROOT / "workflow/schemas")
AFTER_TOMORROW = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)).isoformat(
    timespec="milliseconds"
)
ENERGY = synthetic.energy_of("synthetic-p100", "cpu", 20.0)


def read(data: dict):
    return READER.record("/".join(path_of(data).parts[2:]), json.dumps(data).encode())


def refusal(data: dict) -> str:
    with pytest.raises(BadFileError) as caught:
        read(data)
    return caught.value.what


def workload(**changes) -> dict:
    return workloads.describe("mlp", {**CONFIG, **changes})


CIFAR = workloads.describe("resnet50", {**CONFIG, "suite": "cifar-10", "train_samples": 40_000})
# What was installed on a machine.
UNPINNED = {"stack": "tf-2.19.1-unpinned", "environment__packages": {"tensorflow": "2.19.1", "keras": "3.15.1"}}
IMPOSSIBLE = {
    "a day that is none": ({"started_at": "2026-02-31T00:00:00.000+00:00"}, "which is no date"),
    "an hour that is none": ({"ended_at": "2026-01-01T25:00:00.000+00:00"}, "which is no date"),
    "before 2020": ({"started_at": "2019-12-31T23:59:59.000+00:00"}, "before 2020 or after tomorrow"),
    "in the future": ({"started_at": AFTER_TOMORROW, "ended_at": AFTER_TOMORROW}, "before 2020 or after tomorrow"),
    "ended before it started": ({"ended_at": "2024-01-01T00:00:00.000+00:00"}, "before it started"),
    "fit longer than the run": (
        {"started_at": "2026-01-01T00:00:00.000+00:00", "ended_at": "2026-01-01T00:00:19.000+00:00"},
        "its parts took 23.100 s, but it ended 19.000 s after it started",
    ),
    "long import": ({"durations__import_seconds": 1e5}, "after it started"),
    "long teardown": (
        {"durations__fit_teardown_seconds": 1e6},
        "the parts of its fit took 1000019.000 s, but the fit 20",
    ),
    "long setup": ({"durations__fit_setup_seconds": 3.0}, "the parts of its fit took"),
    "long epochs": (
        {"durations__epoch_seconds": [9.0, 30.0], "durations__steady_state_epoch_seconds": 30.0},
        "epochs took 39.0",
    ),
    "long validation": ({"durations__validation_seconds": [9.5, 1.0]}, "a validation took longer than its epoch"),
    "another first epoch": ({"durations__first_epoch_seconds": 1.0}, "first_epoch_seconds is not the first"),
    "another steady state": ({"durations__steady_state_epoch_seconds": 4.5}, "but the mean of epochs 2 to 2 is 9.0"),
    "no steady state": ({"durations__steady_state_epoch_seconds": None}, "steady_state_epoch_seconds is None"),
    "too many epochs": ({"durations__epoch_seconds": [9.0]}, "2 epochs, but 1 and 2 times of epochs and validations"),
    "gate bypassed by a curve too short": (
        {"accuracy__validation_accuracy": [0.86]},
        "1 values of validation_accuracy",
    ),
    "gate bypassed by an empty curve": ({"accuracy__validation_accuracy": []}, "0 values of validation_accuracy"),
    "gate bypassed by a longer curve": (
        {"accuracy__validation_accuracy": [0.86] * 3},
        "3 values of validation_accuracy",
    ),
    "gate bypassed by null": ({"accuracy__validation_accuracy": [0.86, None]}, "validation_accuracy is not a number"),
    "short training accuracy": ({"accuracy__train_accuracy": [0.86]}, "1 values of train_accuracy"),
    "null in training accuracy": ({"accuracy__train_accuracy": [None, 0.86]}, "train_accuracy is not a number"),
    "null validation loss": ({"accuracy__validation_loss": [0.4, None]}, "validation_loss is not a number"),
    "short validation loss": ({"accuracy__validation_loss": [0.4]}, "1 values of validation_loss"),
    "null test loss": ({"accuracy__test_loss": None}, "its test loss or accuracy is not a number"),
    "negative loss": ({"accuracy__train_loss": [-0.1, 0.4]}, "accuracy.train_loss"),
    "all right, and the loss of chance": (
        {"accuracy__train_accuracy": [0.85, 1.0], "accuracy__train_loss": [0.4, 2.2]},
        "training loss is 2.2 although 1.000 of 50,000",
    ),
    "nearly all right, and the loss of chance": (
        {"accuracy__test_accuracy": 0.995, "accuracy__test_loss": 2.2},
        "test loss is 2.2",
    ),
    "all wrong without loss": (
        {"accuracy__validation_accuracy": [0.1, 0.86], "accuracy__validation_loss": [0.2, 0.4]},
        "although 0.100 of 10,000 images",
    ),
    "test accuracy of 0": (
        {"accuracy__test_accuracy": 0.0, "accuracy__test_loss": 1e30},
        "0.860 on the validation set and 0.000 on the test set",
    ),
    "test accuracy of 1": (
        {"accuracy__test_accuracy": 1.0, "accuracy__test_loss": 1e30},
        "its test loss is 1e+30 although 1.000",
    ),
    "loss beyond float32": ({"accuracy__test_loss": 1e308}, "accuracy.test_loss is 1e+308; expected"),
    "arithmetic elsewhere": ({"execution__arithmetic_devices": ["GPU:0"]}, "a cpu run had its arithmetic on GPU:0"),
    "no arithmetic": ({"execution__arithmetic_devices": []}, "a cpu run had its arithmetic on no device"),
    "no variables": ({"execution__variable_devices": []}, "a cpu run had its variables on no device"),
    "operations elsewhere": (
        {"execution__step_operations": {"CPU:0": 1, "GPU:0": 9}},
        "a cpu run had operations on CPU:0, GPU:0",
    ),
    "no operation there": (
        {"device": "gpu", "execution__step_operations": {"CPU:0": 9}},
        "no operation of its step on the GPU",
    ),
    "one parameter": ({"execution__parameters": 1}, "its model has 1 parameters, but mlp has 435,402"),
    "half precision": ({"execution__floatx": "float16"}, "it computed in float16, but its workload is of float32"),
    "XLA": ({"execution__jit_compile": True}, "it was compiled, but its workload is without"),
    "half precision without its control": (
        {"execution__compute_types": ["float16"]},
        "its layers computed in float16, but its control is none",
    ),
    "other half precision": (
        {"control": "mixed-bfloat16", "execution__compute_types": ["float16"]},
        "its layers computed in float16, but its control is mixed-bfloat16",
    ),
    "mixed precision, one layer without": (
        {"control": "mixed-float16", "execution__compute_types": ["float16", "float32"]},
        "its layers computed in float16, float32, but its control is mixed-float16",
    ),
    "mixed precision and XLA": (
        {"control": "mixed-float16", "execution__compute_types": ["float16"], "execution__jit_compile": True},
        "it was compiled, but its workload is without",
    ),
    "control of XLA where all is compiled": (
        {"control": "xla", "execution__jit_compile": True, "execution__always_compiled": True},
        "it is the control xla, but was like its plain runs",
    ),
    "TensorFloat-32 on the CPU": (
        {"control": "tf32", "execution__tensor_float_32": True},
        "no product of it can have been rounded to TensorFloat-32",
    ),
    "TensorFloat-32 that was off": (
        {"control": "tf32", "device": "gpu", "gpu__compute_capability": "8.0"},
        "no product of it can have been rounded",
    ),
    "TensorFloat-32 before Ampere": (
        {"control": "tf32", "device": "gpu", "execution__tensor_float_32": True, "gpu__compute_capability": "7.5"},
        "no product of it can have been rounded",
    ),
    "pipeline without its control": (
        {"execution__input_pipeline": "synthetic.Pipeline"},
        "its images came from synthetic.Pipeline, but its control is none",
    ),
    "another optimizer": ({"execution__optimizer_class": "keras.src.optimizers.sgd.SGD"}, "its workload has adam"),
    "another TensorFlow": (
        {"stack": "tf-2.12", "versions__framework_version": "2.19.1"},
        "it ran tensorflow 2.19.1, but its stack is tf-2.12",
    ),
    "another version than what it was named after": (
        {**UNPINNED, "stack": "tf-2.18.0-unpinned", "versions__framework_version": "2.19.1"},
        "it ran tensorflow 2.19.1, but its stack is tf-2.18.0-unpinned",
    ),
    "not pinned, and no word on what it was": (
        {"stack": "tf-2.19.1-unpinned", "environment": synthetic_record()["environment"]},
        "its stack is tf-2.19.1-unpinned, but it has no list of what was installed",
    ),
    "passed for pinned": ({**UNPINNED, "stack": "tf-2.19"}, "but it has a list of what was installed"),
    "no framework": ({"versions__framework_version": None}, "it ran tensorflow of no version"),
    "a thousand million threads": (
        {"execution__intra_op_threads": 10**9},
        "execution.intra_op_threads is 1000000000; expected",
    ),
    "too many images": (
        {"workload": workload(train_samples=55_000)},
        "it used 65000 training and validation images",
    ),
    "more images than its suite has": (
        {"model": "resnet50", "workload": CIFAR | {"train_samples": 45_000}},
        "it used 55000 training and validation images, but there are 50000",
    ),
    "more test images than there are": (
        {"model": "resnet50", "workload": CIFAR | {"test_samples": 10_001}},
        "test_samples is 10001",
    ),
    "a suite with the data of another": (
        {"model": "resnet50", "workload": CIFAR | {"data": workload()["data"]}},
        "its suite is cifar-10, but its data are 'fashion-mnist'",
    ),
    "invented data under the name of the real ones": (
        {"model": "resnet50", "workload": CIFAR | {"data": {"name": "cifar-10", "sha256": {}}}},
        "its suite is cifar-10, but its data are 'cifar-10' with other checksums",
    ),
    "a suite that is not known": (
        {"model": "resnet50", "workload": CIFAR | {"suite": "cifar-11"}},
        "is of the suite 'cifar-11', which is not",
    ),
    "the default suite by its name": (
        {"workload": workload() | {"suite": "fashion-mnist"}},
        "is of the suite 'fashion",
    ),
    "parameters of another model": (
        {"workload": CIFAR, "model": "resnet50", "execution__parameters": 122_570},
        "its model has 122,570 parameters, but resnet50 has 23,608,202",
    ),
    "more epochs than it was to train": (
        {"status": "timed_out", "reason": "synthetic", "durations": {"epoch_seconds": [1.0] * 3}, "accuracy": None},
        "it has 2 epochs, but 3 times of epochs",
    ),
    "another model's workload": ({"workload": workloads.describe("cnn", CONFIG)}, "its workload is of model 'cnn'"),
    "more energy than its parts": ({"energy": ENERGY | {"joules": 1e6}}, "it used 1e+06 J, but its parts used 800 J"),
    "more energy above idle": (
        {"energy": ENERGY | {"joules_above_idle": 900.0}},
        "it used 900 J above idle, but by its parts 780 J",
    ),
    "energy of another time": (
        {"energy": ENERGY | {"window_seconds": 2.0}},
        "its energy is of 2.0 s, but its fit took 20.000 s",
    ),
    "power of a town": (
        {
            "energy": synthetic.energy_of("synthetic-p100", "cpu", 20.0)
            | {"joules": 8e7, "joules_above_idle": None, "domains": [ENERGY["domains"][0] | {"joules": 8e7}]}
        },
        "it drew 4,000,000 W",
    ),
}


@pytest.mark.parametrize(("changes", "expected"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_be_is_refused_with_a_sentence(changes, expected):
    assert expected in refusal(synthetic_record(**changes))


@pytest.mark.parametrize("name", ["a day that is none", "before 2020", "in the future", "ended before it started"])
def test_times_of_failed_runs_are_looked_at_too(name):
    changes, expected = IMPOSSIBLE[name]
    assert expected in refusal(failed_record(**changes))


HONEST = {
    "fast GPU": {"device": "gpu", "durations__fit_seconds": 0.05},
    "a week": {"durations__fit_seconds": 604_000.0},
    "slept for a day": {"noise__suspended_seconds": 86_400.0, "ended_at": "2025-12-31T00:00:00.000+00:00"},
    "clock set back while it ran": {
        "started_at": "2026-01-01T01:00:00.000+00:00",
        "ended_at": "2026-01-01T01:00:01.000+00:00",
        "noise__clock_jump_seconds": -40.0,
    },
    "clock slewed": {
        "started_at": "2026-01-01T00:00:00.000+00:00",
        "ended_at": "2026-01-01T00:00:22.900+00:00",
    },
    "learned nothing": {
        "accuracy__train_accuracy": [0.1] * 2,
        "accuracy__validation_accuracy": [0.1] * 2,
        "accuracy__test_accuracy": 0.1,
        "accuracy__train_loss": [2.31] * 2,
        "accuracy__validation_loss": [2.31] * 2,
        "accuracy__test_loss": 2.31,
    },
    "diverged": {
        "accuracy__train_accuracy": [0.6, 0.1],
        "accuracy__validation_accuracy": [0.4, 0.1],
        "accuracy__test_accuracy": 0.1,
        "accuracy__train_loss": [40.0, 3e37],
        "accuracy__validation_loss": [1e10, 3e38],
        "accuracy__test_loss": 3e38,
    },
    "learned by heart": {"accuracy__train_accuracy": [1.0] * 2, "accuracy__train_loss": [1e-6] * 2},
    "learned by heart, but for a few": {"accuracy__train_accuracy": [0.999] * 2, "accuracy__train_loss": [0.2] * 2},
    "hardly begun": {
        "accuracy__train_accuracy": [0.5, 0.7],
        "accuracy__validation_accuracy": [0.6, 0.7],
        "accuracy__test_accuracy": 0.69,
        "accuracy__train_loss": [2.29, 2.27],
        "accuracy__validation_loss": [2.28, 2.26],
        "accuracy__test_loss": 2.26,
    },
    "one image": {
        "workload": workload(train_samples=1, validation_samples=1, test_samples=1),
        "accuracy__train_accuracy": [1.0, 1.0],
        "accuracy__train_loss": [2.3, 2.2],
        "accuracy__validation_accuracy": [0.0, 0.0],
        "accuracy__validation_loss": [2.3, 2.4],
        "accuracy__test_accuracy": 1.0,
        "accuracy__test_loss": 2.3,
    },
    "one epoch": {
        "workload": workload(epochs=1),
        "durations__steady_state_epoch_seconds": None,
    },
    "what no lock pins": UNPINNED,
    "a model of one's own": {"model": "mine", "workload": workloads.describe("mine", CONFIG)},
    "legacy Adam": {"execution__optimizer_class": "keras.optimizers.legacy.adam.Adam"},
    "stack that no lock pins": {"stack": "tf-2.20.0rc1-unpinned", "versions__framework_version": "2.20.0-rc1"},
    "XLA as a control": {"control": "xla", "execution__jit_compile": True},
    "float16 as a control": {"control": "mixed-float16", "execution__compute_types": ["float16"]},
    "bfloat16 as a control": {"control": "mixed-bfloat16", "execution__compute_types": ["bfloat16"]},
    "TensorFloat-32 as a control": {
        "control": "tf32",
        "device": "gpu",
        "execution__tensor_float_32": True,
        "gpu__compute_capability": "8.0",
    },
    "pipeline as a control": {"control": "tf-data", "execution__input_pipeline": "synthetic.Pipeline"},
    "XLA that was asked for": {"workload": workload(jit_compile=True)},
    "XLA that the framework always has": {"execution__jit_compile": True, "execution__always_compiled": True},
    "XLA that Keras declined": {"workload": workload(jit_compile=True), "execution__jit_compile": False},
    "operations left to the host": {"device": "gpu", "execution__step_operations": {"CPU:0": 12, "GPU:0": 300}},
    "metered": {"energy": ENERGY},
    "no idle power": {"energy": ENERGY | {"joules_above_idle": None, "idle_seconds": None}},
    "less than idle": {
        "energy": ENERGY
        | {"joules_above_idle": -200.0, "domains": [{**part, "idle_watts": 50.0} for part in ENERGY["domains"]]},
    },
}


@pytest.mark.parametrize("changes", HONEST.values(), ids=HONEST)
def test_honest_record_is_believed(changes):
    read(synthetic_record(**changes))


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_records_of_older_formats_are_believed(version):
    read(older(synthetic_record(), version))


def test_record_of_another_stack_is_believed():
    read(of_stack(synthetic_record(), "tf-2.12"))


def test_clock_that_was_set_back_is_not_excused_in_a_record_that_does_not_say_so():
    data = synthetic_record(**HONEST["clock set back while it ran"])
    assert "its parts took" in refusal(older(data, 3))


def test_every_record_of_the_example_is_believed():
    with tarfile.open(ROOT / "results/example/amd-epyc-2-vcpu.tar.gz") as archive:
        found = [m for m in archive.getmembers() if m.name.endswith(".json")]
        assert len(found) == 38
        for member in found:
            READER.result(member.name, archive.extractfile(member).read())


@pytest.mark.parametrize("accuracy", [0.0, 0.1, 0.5, 0.9, 0.99, 1.0])
def test_losses_that_probabilities_can_have_are_believed(accuracy):
    """The least and the most that so many right and wrong images can lose, as a softmax gives them."""
    lowest = (1 - accuracy) * math.log(2)
    highest = accuracy * math.log(10) + (1 - accuracy) * 80
    for loss in (lowest, highest):
        found = list(plausibility._of_losses("test", [loss], [accuracy], images=100, chance=math.log(10)))
        assert found == []
