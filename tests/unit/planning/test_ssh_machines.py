"""Tests of trainmark.planning.ssh_machines, and of what the schema says of them. The machines are invented."""

import json
import os
import subprocess

import pytest
import yaml
from trainmark.errors import TrainmarkError
from trainmark.ingest import yaml_file
from trainmark.planning import config as configuration
from trainmark.planning import nodes, plan, ssh_machines

from tests.conftest import ROOT
from tests.unit.planning.conftest import DEFAULT

SCHEMA = yaml_file.read(ROOT / "workflow/schemas/config.schema.yaml")
HERE, CONDA = (configuration.Surroundings(conda, (), (), None) for conda in (False, True))
MAC = {"ssh": "me@mac.local"}


def check(surroundings=HERE, changes=None, **fleet):
    overlay = yaml.safe_dump({"fleet": fleet})
    layers = [configuration.Layer("config/fleet.yaml", overlay, yaml.safe_load(overlay))]
    return configuration.check({**DEFAULT, **(changes or {}), "fleet": fleet}, SCHEMA, layers, surroundings)


def message_of(*arguments, **fleet) -> str:
    with pytest.raises(TrainmarkError) as caught:
        check(*arguments, **fleet)
    return str(caught.value)


def test_machine_has_what_its_entry_says_and_else_what_the_configuration_does():
    config = check(mac=MAC, lab={**MAC, "ssh": "lab", "stacks": ["torch-2.11"], "devices": ["gpu"], "folder": "/x/y"})
    mac, lab = ssh_machines.of(config).values()
    assert (mac.destination, mac.folder, mac.stacks, mac.devices) == (
        "me@mac.local",
        "trainmark-mac",
        ("tf-2.19",),
        "auto",
    )
    assert (lab.folder, lab.stacks, lab.devices) == ("/x/y", ("torch-2.11",), ("gpu",))
    assert ssh_machines.of({**config, "stacks": ["tf-2.19", "torch-2.11"]})["mac"].stacks == ("tf-2.19", "torch-2.11")


def test_what_this_computer_is_called_keeps_no_machine_from_being_measured():
    check(changes={"machine": "my-laptop", "data_folder": "/home/me"}, mac=MAC)
    assert "machine is" in message_of(HERE, {"machine": "my-laptop"}, mac=MAC, node={"partition": "cpu"})


@pytest.mark.parametrize(
    "destination",
    ["lab3", "me@lab3", "a.b-c_d@10.0.0.7", "ssh://me@lab3:2222", "me@fe80::1%eth0", "ssh://[::1]:22", "LAB_3"],
)
def test_destinations_of_ssh_are_taken(destination):
    assert ssh_machines.of(check(a={"ssh": destination}))["a"].destination == destination


@pytest.mark.parametrize("destination", ["-oProxyCommand=x", "me@-x", "a b", "a;b", "$(x)", "", "ssh://-x", "a\nb", 3])
def test_what_is_no_destination_is_refused(destination):
    assert "fleet.a.ssh is" in message_of(a={"ssh": destination})


@pytest.mark.parametrize("folder", ["-x", "../x", "a/../b", "a/..", "~/x", "$HOME", "a;b", "", "a\nb", "/-/.."])
def test_what_is_no_folder_is_refused(folder):
    assert "fleet.a.folder is" in message_of(a={**MAC, "folder": folder})


@pytest.mark.parametrize("folder", ["trainmark", "/scratch/me/trainmark", "my folder/x", ".cache/x-1", "a..b"])
def test_folders_are_taken(folder):
    assert ssh_machines.of(check(a={**MAC, "folder": folder}))["a"].folder == folder


def test_all_problems_are_told_at_once_with_file_and_key():
    said = message_of(
        a={**MAC, "partition": "gpu"},
        b={"ssh": "-x"},
        c={"folder": "x"},
        d={**MAC, "stacks": ["tf-3"]},
        e={"partition": "cpu", "foldr": "x"},
    )
    assert said.startswith("The configuration has 6 problems; nothing was run.")
    assert "config/fleet.yaml, line 3: unknown key 'fleet.a.partition'" in said
    assert "The keys are ssh, folder, before," in said
    assert 'fleet.b.ssh is "-x"; expected where ssh connects to' in said
    assert "fleet.c.partition" in said
    assert "of a machine that ssh reaches, the key is ssh" in said
    assert "unknown key 'fleet.c.folder'" in said
    assert "fleet.d.stacks[0]" in said
    assert "unknown key 'fleet.e.foldr'" in said


def test_names_that_mean_one_computer_are_refused():
    said = message_of(mac=MAC, other={**MAC, "folder": "elsewhere"})
    assert "fleet.other is" in said
    assert "ssh reaches it as mac, and one computer has one name" in said
    assert "another name: auto means" in message_of(auto=MAC)


def test_stacks_that_make_cannot_install_are_refused():
    assert 'fleet.a.stacks is "tf-2.12"; expected stacks that make can install' in message_of(
        a={**MAC, "stacks": ["tf-2.12"]}
    )
    assert "  - in no file: stacks is" in message_of(HERE, {"stacks": ["tf-2.12"]}, a=MAC).replace("missing", "is")
    assert "jax-0.11, tf-2.19" in message_of(HERE, {"stacks": ["tf-2.12"]}, a=MAC)


def test_with_conda_one_stack_is_named_for_all():
    said = message_of(CONDA, a=MAC, node={"partition": "cpu"})
    assert "auto is another stack on nodes of a cluster than on a" in said
    check(CONDA, {"stacks": ["tf-2.19"]}, a=MAC, node={"partition": "cpu"})


def test_page_is_of_those_that_ssh_reaches_too_and_no_job_of_slurm_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results/machines/mac/machine.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"gpus": [{"name": "Synthetic GPU"}]}))
    plans = plan.make_plans(check(mac=MAC, lab={"ssh": "lab"}, node={"partition": "cpu"}), HERE)
    assert {name: each.devices for name, each in plans.items()} == {
        "mac": ["cpu", "gpu"],
        "lab": ["cpu"],
        "node": ["cpu"],
    }
    assert [name for name, each in plans.items() if each.node.partition] == ["node"]
    assert plan.described_grid(plans)["fleet"]["mac"] == {"stacks": ["tf-2.19"], "devices": ["cpu", "gpu"]}


@pytest.mark.parametrize("fleet", [None, [], "x", {"a": None}, {"a": []}, {"a": "ssh"}])
def test_whatever_was_written_for_a_fleet_names_none(fleet):
    assert ssh_machines.named(fleet) == []


def test_nodes_and_these_may_stand_beside_each_other():
    assert list(nodes.faults(check(mac=MAC, node={"partition": "cpu"}), False)) == []


def test_runs_are_repeated_there_from_a_list_that_is_here(tmp_path):
    (lab,) = ssh_machines.of(check(lab={"ssh": "me@lab", "folder": "a copy"})).values()
    copy, bin = tmp_path / "home/a copy", tmp_path / "bin"
    for folder in (copy / ".trainmark-fleet", copy / ".venv-torch-2.11/bin", bin):
        folder.mkdir(parents=True)
    # A shell for ssh, whose home is that of lab; and for Python there, a program that says what it is given.
    (bin / "ssh").write_text(f'#!/bin/sh\necho "to $1"\ncd {tmp_path}/home && exec sh -c "$2"\n')
    (copy / ".trainmark-fleet/before.sh").write_text("greeting=hello; export greeting\n")
    (copy / ".venv-torch-2.11/bin/python").write_text('#!/bin/sh\necho "$greeting: $*"\n')
    for program in (bin / "ssh", copy / ".venv-torch-2.11/bin/python"):
        program.chmod(0o755)
    listed = tmp_path / "my list.txt"
    records = [f"x/runs/{stack}/cpu/mlp/32/{n}.json" for stack in ("tf-2.19", "torch-2.11") for n in (1, 2)]
    listed.write_text("\n".join([*records, ""]))
    command = ssh_machines.repeating(lab, "torch-2.11", listed)
    path = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}"}
    result = subprocess.run(command, shell=True, env=path, capture_output=True, text=True)
    where, given = result.stdout.splitlines()
    assert where == "to me@lab"
    assert given.startswith("hello: -I workflow/scripts/start_program.py -m snakemake --cores 1 measure --configfile ")
    assert given.endswith(" ".join(["--config stacks=[torch-2.11] --forcerun", *records[2:]]))
