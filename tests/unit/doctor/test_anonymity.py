"""Tests of trainmark.doctor.anonymity."""

import json
from pathlib import Path

import pytest
from trainmark.doctor import anonymity

ANN = {
    "/Users/Ann Smith": "<home>",
    "/Users/Ann Smith/work (2)/trainmark": "<checkout>",
    "/Users/Ann Smith/work (2)/trainmark/.venv": "<environment>",
    "ann.smith": "<user>",
    "Anns-MBP.fritz.box": "<host>",
    "Anns-MBP": "<host>",
    "": "<temporary>",
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Delete /Users/Ann Smith/work (2)/trainmark/.venv and go on.", "Delete <environment> and go on."),
        ("cannot read /Users/Ann Smith/work (2)/trainmark/results/x.json: no", "cannot read <checkout>/...: no"),
        ("the folder /Users/Ann Smith/Library/Caches/trainmark", "the folder <home>/..."),
        ("'/Users/Ann Smith'", "'<home>'"),
        ("/Users/Ann Smithson/x", "<path> Smithson/x"),  # a neighbour's: the folder that it begins with is not Ann's
        ("~/secret/project", "~/..."),
        ("process 7 in /srv/secret project", "process 7 in <path> project"),
        ("PATH is /opt/secret/bin:/usr/bin:/mnt/c/Users/ann", "PATH is <path>:/usr/bin:<path>"),
        ("file:///data/secret/index and x=/data/secret", "file:<path> and x=<path>"),
        ("asked ann.smith@anns-mbp, ANNS-MBP.fritz.box said no", "asked <user>@<host>, <host> said no"),
        ("http://ann:pass@proxy.example.org:8080/x refused", "http://proxy.example.org:8080/x refused"),
        ("Tesla T4 (gpu 0, 00000000:00:04.0, GPU-4d2a0c60-1111-2222-3333-444455556666)", None),
        ("of MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f", "of MIG-<uuid>"),
        ("samples/s, 1/3, n/a, and/or, 2 / 3", "samples/s, 1/3, n/a, and/or, 2 / 3"),
        ("/sys/class/powercap/intel-rapl:0/energy_uj", "/sys/class/powercap/intel-rapl:0/energy_uj"),
        ("sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj", None),
        ("a Homebrew in /opt/homebrew; see https://example.org/a/b", None),
        ("/System/Library/x and /Systems/ann", "/System/Library/x and <path>"),
        ("/System/Volumes/Data/Users/ann/x and /dev/shm/ann, /dev/null", "<path> and <path>, /dev/null"),
        ("/usr/home/ann/x and /usr/homework", "<path> and /usr/homework"),
    ],
)
def test_what_identifies_a_person_gives_way(text, shown):
    if shown is None:
        shown = text.replace("-4d2a0c60-1111-2222-3333-444455556666", "-<uuid>")
    assert anonymity.masked(text, ANN) == shown


def test_structures_are_masked_and_keys_stay():
    data = {"home": ["/Users/Ann Smith", 1, None], "/etc": {"a": "on Anns-MBP"}}
    assert anonymity.masked(data, ANN) == {"home": ["<home>", 1, None], "/etc": {"a": "on <host>"}}


SENTENCE = "TensorFlow sees the GPU; may be read by root alone: /proc/stat, ubuntu, a user"


@pytest.mark.parametrize("name", ["", "a", "gpu", "root", "ubuntu", "user", "GPU"])
def test_everyday_words_tell_nothing_and_stay(name):
    assert anonymity.masked(SENTENCE, {name: "<user>"}) == SENTENCE


@pytest.mark.parametrize("name", ["(", "a.*b", "x\\y", "[ann]", "ann+b", "Ännchen", "ann smith", "$HOME"])
@pytest.mark.parametrize("parent", ["/home/", "/", "/a b/"])
def test_hostile_names_are_taken_as_they_are(name, parent):
    known = {f"{parent}{name}": "<home>", name: "<user>"}
    shown = anonymity.masked(f"at {parent}{name}/x by {name}; TensorFlow", known)
    assert f"{parent}{name}" not in shown
    assert shown.endswith("; TensorFlow")
    assert len(name) < 3 or f"by {name}" not in shown


@pytest.mark.parametrize("home", ["/", "//", "", "relative", "/usr"])
def test_home_that_is_no_folder_of_ones_own_spoils_nothing(home):
    assert anonymity.masked(SENTENCE, {home: "<home>"}) == SENTENCE


def test_folder_is_known_by_its_link_and_by_where_it_leads(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    known = {str(tmp_path / "link"): "<checkout>"}
    text = f"{tmp_path}/link/a, {tmp_path}/real/b"
    assert anonymity.masked(text, known) == "<checkout>/..., <checkout>/..."


def test_folder_in_memory_is_known_by_its_name():
    assert anonymity.masked("/dev/shm/ann/tm/x", {"/dev/shm/ann/tm": "<checkout>"}) == "<checkout>/..."


def test_secrets_are_those_of_this_process(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere/else")
    monkeypatch.setenv("USER", "someone-else")
    found = anonymity.secrets()
    assert found["/somewhere/else"] == "<home>"
    assert found["someone-else"] == "<user>"
    assert found[str(Path.cwd())] == "<checkout>"
    monkeypatch.delenv("USER")
    monkeypatch.setattr(anonymity.pwd, "getpwuid", lambda number: {}[number])  # as in a container
    assert "<checkout>" in anonymity.secrets().values()
    json.dumps(found)
