"""Tests of trainmark.planning.automatic."""

from trainmark.planning import automatic, config

from tests.unit.planning.test_config import CPU_ONLY, DEFAULT, WITH_GPU


def test_what_is_timed_is_what_is_named_or_what_this_machine_has():
    assert automatic.chosen_devices(DEFAULT, CPU_ONLY) == ["cpu"]
    assert automatic.chosen_devices(DEFAULT, WITH_GPU) == ["cpu", "gpu"]
    assert automatic.chosen_stacks(DEFAULT, CPU_ONLY, []) == ["tf-2.19"]
    assert automatic.chosen_stacks(DEFAULT, WITH_GPU, ["tf-2.19"]) == ["tf-2.12"]
    assert automatic.chosen_stacks({**DEFAULT, "stacks": ["tf-2.12"]}, CPU_ONLY, []) == ["tf-2.12"]


def test_what_is_installed_is_timed_where_that_is_named_alone():
    names = ("jax-0.10.2-unpinned", "torch-2.9.1-unpinned")
    prepared = config.Surroundings(False, (), (), "linux-64-cuda", unpinned=names)
    for named in (["installed"], list(names), [names[0], "installed"]):
        assert automatic.chosen_stacks({**DEFAULT, "stacks": named}, prepared, []) == list(names)
    assert automatic.chosen_stacks(DEFAULT, prepared, []) == ["tf-2.12"]  # "auto" asks for a pinned one


def test_gpu_of_a_virtual_mac_is_timed_only_when_asked_for():
    here = config.Surroundings(False, ("tf-2.19",), WITH_GPU.gpus, "osx-arm64", virtual_mac=True)
    assert automatic.chosen_devices(DEFAULT, here) == ["cpu"]
    assert automatic.chosen_devices({**DEFAULT, "devices": ["cpu", "gpu"]}, here) == ["cpu", "gpu"]
    assert automatic.chosen_devices(DEFAULT, WITH_GPU) == ["cpu", "gpu"]
