"""Tests of trainmark.measure.worker.variants: real trainings of the controls, and what is refused before one."""

import pytest
from trainmark.errors import TrainmarkError
from trainmark.experiment import workloads
from trainmark.measure.worker import frameworks, variants

from tests.conftest import synthetic_record, validate_record
from tests.unit.ingest.test_plausibility import read, refusal
from tests.worker_answers import CONTROLLED, CONTROLS, TINY


@pytest.mark.slow
@pytest.mark.parametrize(("control", "model"), CONTROLLED)
def test_control_changes_one_thing_and_learns(answers, control, model):
    plain, answer = answers[None, model], answers[control, model]
    assert plain["status"] == "ok", plain["reason"]
    assert answer["status"] == "ok", answer["reason"]
    found, before = ({**each["execution"]} for each in (answer, plain))
    assert found["arithmetic_devices"] == ["CPU:0"]
    assert found["optimizer_operations"]
    assert (found.pop("step_operations") == before.pop("step_operations")) == (control == "tf-data")
    assert (found.pop("optimizer_operations") == before.pop("optimizer_operations")) == (control != "xla")
    changed = {
        "device-data": {"look_up_devices": ["CPU:0"]},
        "xla": {"jit_compile": True},
        "tf-data": {"input_pipeline": "tensorflow.python.data.ops.prefetch_op._PrefetchDataset"},
        "mixed-bfloat16": {"compute_types": ["bfloat16"]},
        "mixed-float16": {"compute_types": ["float16"]},
    }
    assert found == {**before, **changed[control]}
    losses = answer["accuracy"]["train_loss"]
    assert losses == pytest.approx(plain["accuracy"]["train_loss"], rel=0.2)
    assert losses[1] < losses[0]
    # Images that are on the device beforehand are the same images, in the same order.
    assert (answer["accuracy"] == plain["accuracy"]) == (control == "device-data")


@pytest.mark.slow
@pytest.mark.parametrize("control", CONTROLS)
def test_record_of_a_real_control_is_believed_and_only_as_that_control(answers, control):
    answer, workload = answers[control, "mlp"], workloads.describe("mlp", TINY)
    parts = {"accuracy": answer["accuracy"], "execution": answer["execution"], "workload": workload}
    record = synthetic_record(batch_size=64, control=control, **parts)
    validate_record(record)
    read(record)
    for other in {None, "tf32", *CONTROLS} - {control}:
        assert refusal({**record, "control": other})


class Fake(frameworks.of("tf").__class__):
    """TensorFlow that is not imported, with a GPU of some compute capability."""

    def __init__(self, capability):
        self.capability, self.rounds = capability, False

    def gpu(self):
        return {"name": None, "compute_capability": self.capability, "pci_bus_id": None}

    def allow_rounded_products(self):
        self.rounds = True


def test_rounded_products_are_allowed_where_there_are_some(monkeypatch):
    monkeypatch.setattr(frameworks.system, "MAC", False)
    for capability in ("8.0", "10.0"):
        framework = Fake(capability)
        variants.set_up(framework, "tf32", "gpu")
        assert framework.rounds
    for framework, device in ((Fake("7.5"), "gpu"), (Fake("8.0"), "cpu")):
        with pytest.raises(TrainmarkError, match=rf"control tf32 cannot be made on this {device}: only NVIDIA's GPUs"):
            variants.set_up(framework, "tf32", device)
        assert not framework.rounds
    framework = Fake("8.0")
    variants.set_up(framework, None, "gpu")
    variants.set_up(framework, "device-data", "gpu")
    assert not framework.rounds


@pytest.mark.parametrize(
    ("framework", "control", "expected"),
    [
        ("jax", "xla", "XLA compiles every step of jax already"),
        ("jax", "tf-data", "jax has no such pipeline"),
        ("torch", "xla", "is not XLA"),
        ("torch", "tf-data", "torch has no such pipeline"),
    ],
)
def test_what_a_framework_cannot_do_is_refused_before_anything_trains(framework, control, expected):
    with pytest.raises(TrainmarkError, match=rf"The control {control} cannot be made on this cpu: .*{expected}"):
        variants.set_up(frameworks.of(framework), control, "cpu")


def test_gpu_of_a_mac_has_no_xla(monkeypatch):
    monkeypatch.setattr(frameworks.system, "MAC", True)
    assert "cannot run what XLA compiles" in frameworks.of("tf").why_impossible("xla", "gpu", None)
    assert "since Ampere" in frameworks.of("torch").why_impossible("tf32", "gpu", None)
    assert frameworks.of("tf").why_impossible("xla", "cpu", None) is None
