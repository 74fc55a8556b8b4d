"""Tests of trainmark.planning.nodes. The clusters are invented."""

import json

import pytest
from trainmark.planning import nodes

from tests.unit.planning.conftest import DEFAULT

A100 = {"partition": "gpu", "node": "n031", "gres": "gpu:a100:1", "platform": "linux-64-cuda", "account": "physics"}
EPYC = {"partition": "cpu", "constraint": "zen4"}


def of(use_conda=False, **entries):
    return nodes.of({**DEFAULT, "fleet": entries}, use_conda)


def faults(use_conda=False, **changes):
    return [(path, expected) for path, _, expected in nodes.faults({**DEFAULT, **changes}, use_conda)]


def test_node_has_what_its_entry_says_and_else_what_the_configuration_does():
    found = of(a100=A100, epyc={**EPYC, "stacks": ["torch-2.11"]})
    assert (found["a100"].stacks, found["a100"].devices) == (("tf-2.19",), ("cpu", "gpu"))
    assert (found["epyc"].stacks, found["epyc"].devices, found["epyc"].platform) == (
        ("torch-2.11",),
        ("cpu",),
        "linux-64",
    )
    assert of(use_conda=True, epyc=EPYC)["epyc"].stacks == ("tf-2.12",)
    assert json.loads(found["a100"].expected) == {
        "machine": "a100",
        "platform": "linux-64-cuda",
        "devices": ["cpu", "gpu"],
        "cpus": None,
    }


def test_jobs_of_a_stack_run_in_its_environment():
    plain, conda = of(epyc=EPYC)["epyc"], of(use_conda=True, epyc=EPYC)["epyc"]
    elsewhere = of(epyc={**EPYC, "venv": "/shared/venv"})["epyc"]
    assert [plain.program(stack) for stack in (None, "tf-2.19", "torch-2.11")] == [
        ".venv/bin/python",
        ".venv/bin/python",
        ".venv-torch-2.11/bin/python",
    ]
    assert elsewhere.program("jax-0.11") == "/shared/venv-jax-0.11/bin/python"
    assert (conda.program("tf-2.12"), conda.environment("tf-2.12")) == ("python", None)


def test_slurm_is_asked_for_the_whole_node_and_for_longer_than_the_run_may_take():
    asked = of(a100={**A100, "extra": "--hint=nomultithread"})["a100"].resources(3600)
    assert set(asked) == set(nodes.ASKED)
    assert asked["slurm_extra"] == "--exclusive --nodelist=n031 --hint=nomultithread"
    assert asked["runtime"] * 60 > 3600
    assert (asked["cpus_per_task"], asked["mem_mb"], asked["constraint"], asked["qos"]) == (-1, 0, None, None)
    assert asked["sbatch"].split() == [
        "--partition=gpu",
        "--account=physics",
        "--gres=gpu:a100:1",
        *asked["slurm_extra"].split(),
    ]


@pytest.mark.parametrize(
    ("fleet", "path", "expected"),
    [
        ({"auto": EPYC}, ("fleet", "auto"), "another name"),
        ({"a": {**EPYC, "devices": ["gpu"]}}, ("fleet", "a", "devices"), "platform: linux-64-cuda"),
        ({"a": {**EPYC, "stacks": ["tf-2.12"]}}, ("fleet", "a", "stacks"), "or --use-conda"),
        ({"a": EPYC, "b": {**EPYC, "account": "x"}}, ("fleet", "b"), "a node of its own; it is reached as a is"),
        ({"a": {**EPYC, "extra": "--exclusive=user"}}, ("fleet", "a", "extra"), "without --exclusive"),
        ({"a": {**EPYC, "extra": "-w n1"}}, ("fleet", "a", "extra"), "without -w"),
        ({"a": {**EPYC, "extra": "'"}}, ("fleet", "a", "extra"), "an open quotation mark"),
    ],
)
def test_entry_that_cannot_be_is_a_fault(fleet, path, expected):
    ((found, said),) = faults(fleet=fleet)
    assert found == path
    assert expected in said


def test_keys_that_are_about_this_machine_are_faults_beside_a_fleet():
    found = dict(faults(fleet={"a": EPYC}, machine="here", gpu=1))
    assert {*found} == {("machine",), ("gpu",)}
    assert faults(fleet={"a": EPYC}, stacks=["installed"])[0][0] == ("stacks",)
    assert faults(fleet={}, machine="here", gpu=1) == []
    assert faults(fleet={"a": EPYC, "b": A100}) == []


def test_python_of_an_environment_is_read_from_it(tmp_path):
    assert nodes.python_version(tmp_path / "missing") is None
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.12.4\n")
    assert nodes.python_version(tmp_path) == "3.12"
