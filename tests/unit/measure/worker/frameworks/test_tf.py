"""Tests of trainmark.measure.worker.frameworks.tf: where operations are, in a process that has two CPU devices."""

import pytest
from trainmark.measure.worker.frameworks import tf

from tests.frameworks import ask

# A model with a layer that computes on the second device, and one with a variable there.
TWO_DEVICES = """
tf = framework.tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
framework.configure("cpu", 1)

class Elsewhere(framework.keras.layers.Dense):
    def call(self, inputs):
        with tf.device("/CPU:1"):
            return super().call(inputs)

class Stored(framework.keras.layers.Dense):
    def build(self, shape):
        with tf.device("/CPU:1"):
            super().build(shape)

def build(layer):
    layers = framework.keras.layers
    parts = [layers.Flatten(), layers.Dense(16), layer(16), layers.Dense(10, "softmax")]
    return framework.keras.Sequential([framework.keras.Input((28, 28)), *parts])

found = {}
for name, layer in {"here": framework.keras.layers.Dense, "computes": Elsewhere, "stores": Stored}.items():
    MODELS[name] = Model(lambda keras, layer=layer: build(layer))
    try:
        found[name] = device_proof.prove_step(framework, workloads.describe(name, CONFIG), 8, "cpu")
    except frameworks.WrongDeviceError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


def test_layer_on_another_device_fails_the_proof():
    found = ask("tensorflow", "tf-2.19", TWO_DEVICES)
    assert found["here"]["arithmetic_devices"] == found["here"]["variable_devices"] == ["CPU:0"]
    assert "arithmetic on ['CPU:0', 'CPU:1']" in found["computes"]
    assert "variables on ['CPU:0', 'CPU:1']" in found["stores"]


@pytest.mark.parametrize(
    "operation",
    [
        "MatMul",
        "_MklNativeFusedMatMul",
        "_FusedConv2D",
        "Conv2DBackpropFilter",
        "CudnnRNNV3",
        "BatchMatMulV2",
        "Einsum",
    ],
)
def test_arithmetic_is_recognised(operation):
    assert tf._ARITHMETIC.search(operation)


@pytest.mark.parametrize("operation", ["ReadVariableOp", "Const", "AssignVariableOp", "IteratorGetNext", "Mul"])
def test_other_operations_may_be_anywhere(operation):
    assert not tf._ARITHMETIC.search(operation)
