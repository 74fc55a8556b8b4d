"""Tests of trainmark.planning.fleet_files, on nodes as SLURM lists them; tests/integration asks a real one."""

import re
from pathlib import Path

import pytest
from trainmark.errors import TrainmarkError
from trainmark.ingest import yaml_file
from trainmark.planning import fleet_files, strict_yaml
from trainmark.planning.slurm import ListedNode

from tests.conftest import ROOT

NODES = [
    ListedNode("n001", "cpu", "", "idle"),
    ListedNode("N_001", "cpu", "", "allocated"),
    ListedNode("0012", "cpu", "", "mixed"),
    ListedNode("1e3", "cpu", "", "idle"),
    ListedNode("auto", "cpu", "", "idle"),
    ListedNode("g1.cluster", "cpu", "gpu:a100:4(S:0-1),mps:400", "idle"),
    ListedNode("g2", "cpu", "craynetwork:4,gpu:2(IDX:0-1)", "idle"),
    ListedNode("g3", "cpu", "gpu:a100-80:2", "idle"),
    ListedNode("n-1", "cpu", "", "idle"),
    ListedNode("n_1", "cpu", "", "drained*"),
]


def read(tmp_path: Path, text: str) -> dict:
    """What the workflow reads in the file, by the reader of all of its configuration."""
    path = tmp_path / "fleet.yaml"
    fleet_files.write(text, path)
    return strict_yaml.read(str(path)).values["fleet"]


def test_each_node_is_a_machine_as_the_configuration_may_name_it(tmp_path):
    found = read(tmp_path, fleet_files.text_of(NODES, "cpu"))
    assert {name: entry["node"] for name, entry in found.items()} == {
        "n001": "n001",
        "n-001": "N_001",
        "0012": "0012",
        "1e3": "1e3",
        "node-auto": "auto",
        "g1-cluster": "g1.cluster",
        "g2": "g2",
        "g3": "g3",
        "n-1": "n-1",
    }
    assert {entry["partition"] for entry in found.values()} == {"cpu"}
    gpus = {name: (entry["gres"], entry["platform"]) for name, entry in found.items() if "gres" in entry}
    cuda = "linux-64-cuda"
    assert gpus == {"g1-cluster": ("gpu:a100:1", cuda), "g2": ("gpu:1", cuda), "g3": ("gpu:1", cuda)}


def test_configuration_takes_every_name_and_resource(tmp_path):
    schema = yaml_file.read(ROOT / "workflow/schemas/config.schema.yaml")["properties"]["fleet"]
    entry = schema["additionalProperties"]["properties"]
    for machine, found in read(tmp_path, fleet_files.text_of(NODES, "cpu")).items():
        assert re.search(schema["propertyNames"]["pattern"], machine)
        assert all(
            re.search(entry[key]["pattern"], found[key]) for key in ("partition", "node", "gres") if key in found
        )


def test_node_that_is_away_is_named_but_not_measured(tmp_path):
    text = fleet_files.text_of(NODES, "cpu", Path("config/cpu.yaml"))
    assert "  # n-1-2: {partition: cpu, node: n_1}  # drained*\n" in text
    assert "make fleet FLEET=config/cpu.yaml\n" in text
    assert read(tmp_path, fleet_files.text_of(NODES[-1:], "cpu")) == {}


def test_file_that_is_there_is_kept(tmp_path):
    path = tmp_path / "reviewed.yaml"
    path.write_text("reviewed")
    with pytest.raises(TrainmarkError, match=r"reviewed\.yaml is there already and is kept"):
        fleet_files.write("fleet: {}\n", path)
    assert path.read_text() == "reviewed"


def test_partition_without_nodes_and_silence_are_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TrainmarkError, match=r"SLURM does not answer\. sinfo: .*No such file"):
        fleet_files.of_partition("cpu")
    (tmp_path / "sinfo").write_text("#!/bin/sh\n")
    (tmp_path / "sinfo").chmod(0o755)
    with pytest.raises(TrainmarkError, match="Expected nodes in PARTITION=cpu, found none"):
        fleet_files.of_partition("cpu")


def test_name_that_no_configuration_can_hold_is_refused():
    with pytest.raises(TrainmarkError, match="SLURM names a node 'n 1'"):
        fleet_files.text_of([ListedNode("n 1", "cpu", "", "idle")], "cpu")
