"""Tests of trainmark.measure.worker.frameworks.jax, in an environment that has it, with two CPU devices."""

import pytest
from trainmark.measure.worker.frameworks import jax

from tests.frameworks import ask

PROGRAM = """
jax, keras = framework.jax, framework.keras
framework.configure("cpu", 1)
found = {"threads": framework.threads_in_use(), "rounds": framework.rounds_products(), "build": framework.build()}
found["steps"] = {
    name: device_proof.prove_step(framework, workloads.describe(name, CONFIG), 8, "cpu") for name in ("mlp", "lstm")
}
multiply, found["product"] = framework.multiplier("cpu", 64)
multiply(3)
first, second = jax.local_devices()


def build():
    layers = keras.layers
    return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(16), layers.Dense(10, "softmax")])


def refusal(place):
    def model(_):
        made = build()
        kernel = made.layers[1].kernel
        kernel._value = jax.device_put(kernel.value, place)
        return made

    MODELS["another"] = Model(model)
    try:
        device_proof.prove_step(framework, workloads.describe("another", CONFIG), 8, "cpu")
    except frameworks.WrongDeviceError as error:
        return str(error)


divided = jax.sharding.NamedSharding(jax.sharding.Mesh([first, second], ("x",)), jax.sharding.PartitionSpec(None, "x"))
found |= {"here": refusal(first), "elsewhere": refusal(second), "divided": refusal(divided)}

import numpy as np
model = build()
settings.compile_model(framework, model, workloads.describe("mlp", CONFIG))
batch = np.zeros((8, 28, 28), np.float32), np.zeros(8, np.uint8)
model.train_on_batch(*batch)
compilations = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: compilations.append(event) if "backend_compile" in event else None
)
framework.observe_step(model, *batch)
found["compiled again"] = list(compilations)
from trainmark.measure.worker import device_data
images, labels = np.random.default_rng(1).random((32, 28, 28), np.float32), np.zeros(32, np.uint8)
layer, ((numbers, _),) = device_data.move_in(framework, "cpu", [(images, labels)])
model = device_data.looking_up(framework, layer, build())
settings.compile_model(framework, model, workloads.describe("mlp", CONFIG))
looked_up = framework.keras.ops.convert_to_numpy(layer(framework.keras.ops.convert_to_tensor(numbers[::-1].copy())))
found["looked up"] = bool((looked_up == images[::-1]).all())
found["look-ups"] = device_proof.observe(framework, model, (numbers[:8], labels[:8]), "cpu")["look_up_devices"]
found["parameters"] = settings.in_use(framework, model)["parameters"], build().count_params()
try:
    framework.configure("gpu", 1)
except frameworks.WrongDeviceError as error:
    found["no gpu"] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def jax_answers():
    return ask("jax", "jax-0.11", PROGRAM, threads=3, XLA_FLAGS="--xla_force_host_platform_device_count=2")


def test_step_is_proven_by_its_program(jax_answers):
    found = jax_answers
    for model, step in found["steps"].items():
        assert step["arithmetic_devices"] == step["variable_devices"] == ["CPU:0"], model
        assert step["optimizer_devices"] == {"CPU:0": sum(step["optimizer_operations"].values())}
        assert (step["jit_compile"], step["always_compiled"], step["tensor_float_32"]) == (True, True, False)
    assert found["steps"]["mlp"]["optimizer_operations"]["sqrt"] == 12  # two a variable


def test_layer_elsewhere_fails_the_proof(jax_answers):
    found = jax_answers
    assert found["here"] is None
    # A program runs on one device: with one of its variables, all of it goes to the second one.
    assert "arithmetic on ['CPU:1']" in found["elsewhere"]
    assert "CPU:0', 'CPU:1']" in found["divided"]


def test_program_that_is_looked_at_is_the_one_that_was_executed(jax_answers):
    found = jax_answers
    assert found["compiled again"] == []


def test_images_are_looked_up_on_the_device(jax_answers):
    found = jax_answers
    assert found["looked up"] is True
    assert found["look-ups"] == ["CPU:0"]
    assert found["parameters"][0] == found["parameters"][1]


def test_what_it_is_set_to(jax_answers):
    found = jax_answers
    assert found["threads"] == [3, 3]
    assert found["rounds"] is False
    assert found["product"] == "CPU:0"
    assert found["build"]["framework_version"].startswith("0.")


def test_gpu_that_is_not_there_is_told(jax_answers):
    found = jax_answers
    assert "A GPU was asked for and jax 0." in found["no gpu"]


COMPILED = """
HloModule jit_train_step
%fused (p: f32[64,512]) -> f32[64,512] {
  %p = f32[64,512]{1,0} parameter(0)
  ROOT %dot.3 = f32[64,512]{1,0} dot(%p, %p), metadata={op_name="jit(train_step)/jvp(dense)/dot_general"}
}
ENTRY %main (a: f32[64,512]) -> (f32[64,512], s32[]) {
  %a = f32[64,512]{1,0} parameter(0)
  %g.1 = (f32[64,512]{1,0}, s8[4194304]{0}) custom-call(%a), custom_call_target="__cublas$gemm", backend_config={}
  %c.2 = f32[64]{0} custom-call(%a), custom_call_target="xla_ffi_python_gpu_callback"
  %copy.1 = f32[64,512]{1,0} copy(%a)
}
"""


def test_instructions_of_a_program_for_a_gpu():
    found = [operation for operation, _ in jax._instructions(COMPILED, ["GPU:0"])]
    assert [(each.kind, each.device, each.arithmetic) for each in found] == [
        ("dot", "GPU:0", True),
        ("__cublas$gemm", "GPU:0", True),
        ("xla_ffi_python_gpu_callback", "CPU:0", False),  # Python is on the host
        ("copy", "GPU:0", False),
    ]
