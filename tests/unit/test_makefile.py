"""Tests of the Makefile: what it makes of variables, given and exported, and how it starts what it starts."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Pythons in the place of the installed one, which are sound: one writes down what it is given, the other is real.
RECORDER = """#!{python}
import json, sys
if "--check" in sys.argv:
    print("sound")
else:
    with open("calls.jsonl", "a") as file:
        file.write(json.dumps(sys.argv[1:]) + "\\n")
"""
REAL = '#!/bin/sh\ncase "$*" in *--check*) echo sound ;; *) exec "{python}" "$@" ;; esac\n'
HOSTILE = [
    "a;touch pwned;.tar.gz",
    "$(shell touch pwned)",
    "$(touch pwned)",
    "`touch pwned`",
    "a' ; touch pwned ; '",
    'a" ; touch pwned ; "',
    "a\ntouch pwned",
    "a | touch pwned & touch pwned # x",
    "${IFS}$$HOME\\",
    "--help",
]


def checkout(folder: Path, python: str) -> Path:
    """What make needs, with a Python that is told by a script."""
    for name in ("workflow", "envs", "config"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", folder)
    program = folder / ".venv/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text(python.format(python=sys.executable))
    program.chmod(0o755)
    (folder / ".venv/installed").touch()
    (folder / ".venv/installed-tests").touch()
    shutil.copytree(folder / ".venv", folder / ".venv-controller")
    return folder


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    return checkout(tmp_path_factory.mktemp("make") / "its $(touch pwned) `touch pwned` folder", RECORDER)


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env={**environment, **variables}, capture_output=True, text=True
    )


def calls(folder: Path, *arguments: str, **variables: str) -> list[list[str]]:
    """The arguments of each program that a command of make's starts."""
    (folder / "calls.jsonl").unlink(missing_ok=True)
    result = make(folder, *arguments, **variables)
    assert result.returncode == 0, result.stderr
    assert not list(folder.rglob("pwned"))
    found = [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]
    assert all(call[:2] == ["-I", "workflow/scripts/start_program.py"] for call in found)
    return [call[2:] for call in found]


def merge_arguments(call: list[str]) -> list[str]:
    """Without what is the same in every call, and make's process."""
    assert call[0].endswith("merge_results.py")
    assert call[-2] == "--make"
    return call[1:-2]


GIVEN = ("FROM", "AS", "SKIP", "KEY", "MACHINE", "TO", "BEFORE", "PARTITION", "NEW")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_is_a_command(recorder, text):
    goals = ("merge", "rename", "pack", "registry", "nodes", "again", "references")
    found = calls(recorder, *goals, *(f"{name}={text}" for name in GIVEN))
    merged, renamed, packed, built, listed, began, measured, written = found
    assert merge_arguments(merged) == [f"--as={text}", "--skip-bad", f"--accept-key={text}", f"--from={text}"]
    assert renamed[1:] == ["--", text, text]
    assert packed[1:] == [f"--machine={text}"]
    assert (built[1], built[-2:]) == (f"--before={text}", ["--", text])
    assert listed[1:] == [f"--to={text}", "--", text]
    assert began[1:] == [f"--machine={text}", "--new"]
    assert measured[-1] == f"machine={text}"
    assert f"--machine={text}" in written


def test_what_is_not_given_is_not_passed_on(recorder):
    assert merge_arguments(calls(recorder, "merge", "FROM=x")[0]) == ["--from=x"]
    assert calls(recorder, "pack")[0][1:] == []
    assert "--before" not in " ".join(calls(recorder, "registry", "FROM=x")[0])
    assert not [word for call in calls(recorder, "references") for word in call if "machine=" in word]


def test_variables_that_the_users_shell_exports_are_not_meant(recorder):
    exported = dict.fromkeys(
        ("FROM", "AS", "SKIP", "KEY", "MACHINE", "TO", "GIVEN_AS", "BEFORE", "PARTITION"), "exported"
    )
    assert merge_arguments(calls(recorder, "merge", "FROM=x", **exported)[0]) == ["--from=x"]
    assert calls(recorder, "pack", **exported)[0][1:] == []
    assert calls(recorder, "again", **exported)[0][1:] == []
    assert "FROM is missing" in make(recorder, "merge", **exported).stderr
    assert "MACHINE or TO is missing" in make(recorder, "rename", **exported).stderr
    assert "PARTITION is missing: make nodes PARTITION=NAME" in make(recorder, "nodes", **exported).stderr
    assert calls(recorder, "nodes", "PARTITION=cpu", **exported)[0][1:] == ["--", "cpu"]
    assert "FROM is missing: make registry FROM=FOLDER" in make(recorder, "registry", **exported).stderr
    assert "--before" not in " ".join(calls(recorder, "registry", "FROM=x", **exported)[0])


def test_new_session_comes_before_what_measures_in_one_command(recorder):
    (began, measured) = calls(recorder, "again", "benchmark")
    assert began == ["workflow/scripts/begin_session.py"]
    assert "snakemake" in measured
    (began, _) = calls(recorder, "again", "fleet", "FLEET=mine.yaml", "CONDA=1")
    assert began == ["workflow/scripts/begin_session.py", "--fleet=mine.yaml"]


def test_the_folder_itself_is_no_command(recorder):
    make(recorder, "check-locks")
    assert not list(recorder.rglob("pwned"))


def test_merge_from_nowhere_is_explained(recorder):
    result = make(recorder, "merge")
    assert result.returncode
    assert "FROM is missing: make merge FROM=PATH" in result.stderr


def test_machines_by_ssh_alone_need_no_environment_of_a_controller(tmp_path):
    recorder = checkout(tmp_path / "checkout", RECORDER)
    (recorder / "ssh.yaml").write_text("# as {partition: gpu}\nfleet: {mac: {ssh: me@mac}}\n")
    (recorder / "both.yaml").write_text("fleet:\n  mac: {ssh: me@mac}\n  node: {partition: gpu}\n")
    script = ["workflow/scripts/measure_fleet.py", "--profile=profiles/slurm"]
    assert calls(recorder, "fleet", "FLEET=ssh.yaml") == [[*script, "--", "ssh.yaml"]]
    (recorder / ".venv-controller/installed").unlink()
    assert "create_venv.py --controller" not in make(recorder, "--dry-run", "fleet", "FLEET=ssh.yaml").stdout
    assert "create_venv.py --controller" in make(recorder, "--dry-run", "fleet", "FLEET=both.yaml").stdout
    (recorder / ".venv-controller/installed").touch()
    program = recorder / ".venv-controller/bin/python"
    program.write_text(program.read_text().replace("sys.argv[1:]", "[*sys.argv[1:], 'of the controller']"))
    (call,) = calls(recorder, "fleet", "FLEET=both.yaml", "CONDA=1", "PROFILE=profiles/x")
    assert call == [script[0], "--profile=profiles/x", "--use-conda", "--", "both.yaml", "of the controller"]
    for text in HOSTILE:
        assert calls(recorder, "fleet", f"FLEET={text}")[0][-2:] == ["--", text]


@pytest.mark.slow
def test_merges_what_it_is_told_however_it_is_called(tmp_path):
    folder = checkout(tmp_path / "checkout", REAL)
    names = ["name (1).tar.gz", "my $(touch pwned) file.tar.gz", "c.tar.gz"]
    for name in names:
        shutil.copy(ROOT / "results/example/amd-epyc-2-vcpu.tar.gz", folder / name)
    assert "38 new, 0 identical" in make(folder, "merge", f"FROM={names[0]}").stdout
    assert "0 new, 114 identical" in make(folder, "merge", f"FROM={' '.join(names)}").stdout
    assert "0 new, 76 identical" in make(folder, "merge", *(f"FROM={name}" for name in names[:2])).stdout
    script = [sys.executable, "workflow/scripts/merge_results.py"]
    result = subprocess.run([*script, *names], cwd=folder, capture_output=True, text=True)
    assert "0 new, 114 identical" in result.stdout
    result = subprocess.run(script, cwd=folder, capture_output=True, text=True)
    assert "expected what to merge" in result.stderr
    assert not list(folder.rglob("pwned"))


VARIABLES = (
    "VENV",
    "STACK",
    "SUITE",
    "SUITES",
    "CHOSEN",
    "REFERENCES",
    "DEFAULT_STACK",
    "HOST_STACKS",
    "PYTHON",
    "MACHINE",
    "FROM",
    "TO",
    "AS",
    "SKIP",
    "KEY",
    "BEFORE",
    "PARTITION",
    "NEW",
    "PY",
    "RUN",
    "SNAKEMAKE",
    "PINS",
    "INSTALL",
)
VARIABLES += ("SOME_PYTHON", "GIVEN_FROM", "GIVEN_MACHINE")
GOALS = ("run", "benchmark", "references", "report", "pack", "unlock", "bench", "check", "test", "format", "lock")
GOALS += ("check-locks", "demo", "open", "again")
REFUSED = ("merge", "rename", "registry", "nodes")  # without what they need
HELPED = re.findall(r'^\t@echo "  make (.*)"$', (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
HELPED = [shlex.split(re.split(r"\s{2,}", line.replace('\\"', '"'))[0]) for line in HELPED]


def commands_of(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    command = ["make", "--dry-run", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True)


# All that can be made together, and what is refused without what it needs.
@pytest.mark.slow
@pytest.mark.parametrize("goals", [GOALS, *([goal] for goal in REFUSED)], ids=" ".join)
def test_exported_variables_count_for_nothing(goals):
    calm, exported = commands_of(*goals), commands_of(*goals, **dict.fromkeys(VARIABLES, "exported"))
    assert (calm.stdout, calm.returncode) == (exported.stdout, exported.returncode)
    assert "exported" not in exported.stdout
    assert calm.returncode == (0 if goals is GOALS else 2)


@pytest.mark.parametrize(
    ("goal", "asked"),
    [
        ("run", "--cores 1 --configfile config/quick.yaml --config 'stacks=[torch-2.11]'"),
        ("benchmark", "--cores 1 --config 'stacks=[torch-2.11]'"),
        ("doctor", "--cores 1 doctor --config 'stacks=[torch-2.11]'"),
        ("references", "'stacks=[torch-2.11]' repeats=8"),
        ("report", "--cores 1 report"),
    ],
)
def test_stack_that_is_named_has_an_environment_of_its_own_and_is_what_is_measured(goal, asked):
    found = re.sub(" +", " ", commands_of(goal, "STACK=torch-2.11").stdout)
    assert asked in found
    assert ".venv-torch-2.11/bin/python -I " in found
    assert ".venv/" not in found
    assert "create_venv.py --stack=torch-2.11 .venv-torch-2.11\n" in found
    if goal == "references":
        assert "--stack torch-2.11 config/references.yaml" in found


def test_stack_that_is_installed_by_default_stays_where_it_is():
    both = (commands_of("run", *given).stdout.split() for given in (["STACK=tf-2.19"], []))
    named, default = map(" ".join, both)
    assert ".venv/bin/python -I " in named
    assert "stacks=" not in default
    assert named.replace(" --config 'stacks=[tf-2.19]'", "").replace(" --stack=tf-2.19", "") == default


@pytest.mark.parametrize("text", [*HOSTILE, "tf-2.12", "%", "tf-2.19 torch-2.11", "torch-2.11/../..", ".."])
def test_what_is_no_stack_is_refused_before_anything(recorder, text):
    result = make(recorder, "run", f"STACK={text}")
    assert result.returncode == 2
    assert "STACK names no stack that make can install; expected one of jax-0.11 tf-2.19 torch-" in result.stderr
    assert not list(recorder.rglob("pwned"))


def test_variables_on_the_command_line_count():
    found = commands_of("references", "MACHINE=mine", "VENV=elsewhere", "PYTHON=python3.12").stdout
    assert "elsewhere/bin/python -I " in found
    assert 'python="python3.12"' in found
    assert "--no-other-python elsewhere" in found


@pytest.mark.parametrize("words", HELPED, ids=lambda words: words[0])
def test_what_the_help_names_can_be_made(words):
    result = commands_of(*words)
    assert result.returncode == 0, result.stderr
    assert "start_program.py" in result.stdout


def test_the_help_names_every_target_that_a_person_gives():
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    declared = re.search(r"^\.PHONY: (help .*)$", text, flags=re.MULTILINE)[1].split()
    assert {words[0] for words in HELPED} == set(declared) - {"help", "lint"}
    assert {*GOALS, *REFUSED} <= set(declared)


def test_the_help_is_aligned():
    lines = make(ROOT, "help").stdout.splitlines()
    assert all(len(line) <= 120 for line in lines)
    matches = [re.match(r"(?:  make [a-z-]+ {2,}| {8,})(?=\S)", line) for line in lines]
    columns = [match.end() for match in matches if match]
    assert len(columns) == len(HELPED)
    assert set(columns) == {22}


def test_on_a_fresh_clone_the_benchmarks_have_what_they_import():
    commands = commands_of("bench", "VENV=fresh").stdout
    assert "pytest" in (ROOT / "envs/tests.txt").read_text()
    assert commands.index("envs/tests.txt") < commands.index("tests/benchmark/run_all")


@pytest.mark.slow
def test_every_program_starts_from_the_clean_environment():
    lines = commands_of(*GOALS).stdout.splitlines()
    found = {line: re.findall(r"\.venv/bin/python.*?(?= && | ; |; |$)", line) for line in lines}
    assert sum(map(bool, found.values())) >= len(GOALS)
    for line, pythons in found.items():
        assert all("-I workflow/scripts/start_program.py " in command for command in pythons), line


def test_targets_wait_for_each_other_whatever_makeflags_say(tmp_path):
    """As in: make unlock run, in a shell that exports MAKEFLAGS=-j8."""
    rules = "run:\n\t@sleep 0.3; echo first\nreport:\n\t@echo second\n"
    kept = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".NOTPARALLEL")]
    (tmp_path / "Makefile").write_text("\n".join([*kept, rules]))
    options = {"cwd": tmp_path, "env": {**os.environ, "MAKEFLAGS": "-j8"}, "capture_output": True, "text": True}
    assert subprocess.run(["make", "run", "report"], **options).stdout.split() == ["first", "second"]
