"""Tests of trainmark.measure.worker.frameworks.torch, in an environment that has it."""

import types

import pytest
from trainmark.measure.worker.frameworks import torch

from tests.frameworks import ask

PROGRAM = """
torch = framework.torch
framework.configure("cpu", 1)
found = {"threads": framework.threads_in_use(), "rounds": framework.rounds_products(), "build": framework.build()}
found["steps"] = {
    name: device_proof.prove_step(framework, workloads.describe(name, CONFIG), 8, "cpu") for name in MODELS
}
multiply, found["product"] = framework.multiplier("cpu", 64)
multiply(3)


class Elsewhere(framework.keras.layers.Dense):
    def call(self, inputs):
        torch.mm(inputs.to("meta"), self.kernel.value.to("meta"))
        return super().call(inputs)


def build(layer):
    layers = framework.keras.layers
    parts = [framework.keras.Input((28, 28)), layers.Flatten(), layer(16), layers.Dense(10, "softmax")]
    return framework.keras.Sequential(parts)


def refusal(layer, change=lambda model: None):
    MODELS["another"] = Model(lambda keras: build(layer))
    real = framework.observe_step
    framework.observe_step = lambda model, *batch: (real(model, *batch), change(model))[0]
    try:
        device_proof.prove_step(framework, workloads.describe("another", CONFIG), 8, "cpu")
    except frameworks.WrongDeviceError as error:
        return str(error)
    finally:
        framework.observe_step = real


def store_elsewhere(model):
    model.layers[1].bias._value = torch.nn.Parameter(torch.zeros(16, device="meta"))


found["same"] = refusal(framework.keras.layers.Dense)
found["computes"] = refusal(Elsewhere)
found["stores"] = refusal(framework.keras.layers.Dense, store_elsewhere)
model = build(framework.keras.layers.Dense)
settings.compile_model(framework, model, workloads.describe("mlp", CONFIG))
model.train_on_batch = model.predict_on_batch = lambda images, labels=None: model(images)
import numpy as np
try:
    framework.observe_step(model, np.zeros((8, 28, 28), np.float32), np.zeros(8, np.uint8))
except frameworks.WrongDeviceError as error:
    found["forward only"] = str(error)
from trainmark.measure.worker import device_data
images, labels = np.random.default_rng(1).random((32, 28, 28), np.float32), np.zeros(32, np.uint8)
layer, ((numbers, _),) = device_data.move_in(framework, "cpu", [(images, labels)])
model = device_data.looking_up(framework, layer, build(framework.keras.layers.Dense))
settings.compile_model(framework, model, workloads.describe("mlp", CONFIG))
looked_up = framework.keras.ops.convert_to_numpy(layer(framework.keras.ops.convert_to_tensor(numbers[::-1].copy())))
found["looked up"] = bool((looked_up == images[::-1]).all())
found["look-ups"] = device_proof.observe(framework, model, (numbers[:8], labels[:8]), "cpu")["look_up_devices"]
found["parameters"] = settings.in_use(framework, model)["parameters"], model.layers[-1].count_params()
framework.name = "another"
try:
    settings.refuse_other_defaults(framework, "float32")
except Exception as error:
    found["other backend"] = str(error)
try:
    framework.configure("gpu", 1)
except frameworks.WrongDeviceError as error:
    found["no gpu"] = str(error)
print(json.dumps(found))
"""
# Backward passes within backward passes: from the 60th on, autograd's engine hands them to threads of its own, as it
# does with those of a GPU.
OTHER_THREADS = """
import threading
torch = framework.torch
seen = {}


class Nested(torch.autograd.Function):
    @staticmethod
    def forward(context, value, depth):
        context.depth = depth
        return value.clone()

    @staticmethod
    def backward(context, gradient):
        with torch.enable_grad():
            inner = torch.ones(2, requires_grad=True)
            value = Nested.apply(inner, context.depth - 1) if context.depth else inner
            value.tanh().sum().backward()
        return gradient, None


class Observer(torch.utils._python_dispatch.TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if "tanh_backward" in str(function):
            seen.setdefault(threading.get_native_id(), []).append(str(function))
        return function(*args, **(kwargs or {}))


with Observer():
    Nested.apply(torch.ones(2, requires_grad=True), 100).tanh().sum().backward()
print(json.dumps({"threads": len(seen), "operations": sum(map(len, seen.values()))}))
"""


@pytest.fixture(scope="module")
def torch_answers():
    return ask("torch", "torch-2.11", PROGRAM, threads=1)


def test_every_operation_of_a_step_is_seen_with_its_device(torch_answers):
    found = torch_answers
    for model, step in found["steps"].items():
        assert step["arithmetic_devices"] == step["variable_devices"] == ["CPU:0"], model
        assert step["optimizer_devices"] == {"CPU:0": sum(step["optimizer_operations"].values())}
        assert step["optimizer_operations"]["aten._foreach_sqrt.default"] == 1
        assert (step["jit_compile"], step["tensor_float_32"]) == (False, False)
    assert found["steps"]["mlp"]["step_operations"]["CPU:0"] > 100
    assert found["steps"]["lstm"]["step_operations"]["CPU:0"] > 1000  # every one of the 28 steps of the recurrence


def test_layer_elsewhere_fails_the_proof(torch_answers):
    found = torch_answers
    assert found["same"] is None
    assert "arithmetic on ['CPU:0', 'META:0']" in found["computes"]
    assert "variables on ['CPU:0', 'META:0']" in found["stores"]


def test_keras_that_was_imported_upon_another_framework_is_refused(torch_answers):
    assert "computes with torch in float32" in torch_answers["other backend"]


def test_step_whose_backward_pass_was_not_seen_proves_nothing(torch_answers):
    found = torch_answers
    assert "no operation of the backward pass" in found["forward only"]


def test_observer_goes_with_the_backward_pass_to_other_threads():
    found = ask("torch", "torch-2.11", OTHER_THREADS)
    assert found["threads"] > 1
    assert found["operations"] == 102


def test_images_are_looked_up_on_the_device(torch_answers):
    found = torch_answers
    assert found["looked up"] is True
    assert found["look-ups"] == ["CPU:0"]
    assert found["parameters"][0] == found["parameters"][1]


def test_what_it_is_set_to(torch_answers):
    found = torch_answers
    assert found["threads"] == [1, 1]
    assert found["rounds"] is False
    assert found["build"]["framework_version"].startswith("2.")
    assert "+" not in found["build"]["framework_version"]
    assert found["product"] == "CPU:0"


def test_gpu_that_is_not_there_is_told(torch_answers):
    found = torch_answers
    if "no gpu" not in found:
        pytest.skip("this machine has a GPU")
    assert "A GPU was asked for and torch 2." in found["no gpu"]


def test_place_of_a_gpu_on_the_bus():
    found = types.SimpleNamespace(pci_domain_id=0, pci_bus_id=0xC1, pci_device_id=4)
    assert torch._bus(found) == "0000:c1:04.0"
    assert torch._bus(types.SimpleNamespace(pci_bus_id=1)) is None


ARITHMETIC = ["mm", "addmm", "bmm", "baddbmm", "_scaled_mm", "_addmm_activation", "mv", "linear", "linear_backward"]
ARITHMETIC += ["convolution", "convolution_backward", "cudnn_convolution", "_mps_convolution", "mkldnn_rnn_layer"]
ARITHMETIC += ["_cudnn_rnn", "_cudnn_rnn_backward", "_lstm_mps", "_thnn_fused_lstm_cell"]
ARITHMETIC += ["_scaled_dot_product_efficient_attention_backward"]
OTHERS = ["mul", "hamming_window", "lgamma", "sum", "normal_", "_softmax", "threshold_backward"]


@pytest.mark.parametrize("operation", ARITHMETIC)
def test_arithmetic_is_recognised(operation):
    assert torch._ARITHMETIC.match(f"aten.{operation}.default")


@pytest.mark.parametrize("operation", OTHERS)
def test_other_operations_may_be_anywhere(operation):
    assert not torch._ARITHMETIC.match(f"aten.{operation}.default")
