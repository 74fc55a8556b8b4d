"""Tests of trainmark.ssh.computers. The machines are invented."""

import json

import pytest
from trainmark.ssh.computers import Computers

from tests.conftest import synthetic_machine


def described(**changes) -> dict:
    return {**synthetic_machine("a"), "machine_id_hash": "1" * 32, **changes}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/machines/a").mkdir(parents=True)
    (tmp_path / "results/machines/a/machine.json").write_text(json.dumps(described()))
    return tmp_path


def test_a_name_means_the_computer_that_it_meant_before(here):
    assert Computers().why_not("a", described(operating_system="Synthetic OS 9"), "x") is None
    said = Computers().why_not("a", described(machine_id_hash="2" * 32), "x")
    assert said.startswith("results/machines/a/machine.json describes another computer (its machine id is another)")
    assert "fleet.a.ssh" in said
    assert "(its processor, cores or GPU is another)" in Computers().why_not("a", described(chip="Another"), "x")
    assert Computers().why_not("b", described(chip="Another"), "x") is None


def test_two_names_for_one_computer_are_refused(here):
    met = Computers()
    assert met.why_not("b", described(), "boot 1") is None
    assert "it is the computer that b is" in met.why_not("c", described(), "boot 1")
    assert met.why_not("b", described(), "boot 1") is None  # met once more, after a lost connection


def test_computers_made_from_one_image_are_two(here):
    met = Computers()
    assert met.why_not("b", described(), "boot 1") is None
    assert met.why_not("c", described(), "boot 2") is None


def test_without_a_boot_the_machine_id_has_to_do(here):
    met = Computers()
    assert met.why_not("b", described(), None) is None
    assert "one of the two" in met.why_not("c", described(), None)


@pytest.mark.parametrize("description", [{}, [], "x", None, {"machine_id_hash": 1}])
def test_what_is_no_description_is_refused(here, description):
    assert "cannot be held against" in Computers().why_not("a", description, "x")
