"""Tests of trainmark.planning.snakemake_interface, with small workflows, by the Snakemake that is installed.

The last test runs all others with the oldest Snakemake that the Snakefile accepts.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.deployment.conda import get_env_setup_done_flag_file
from trainmark import errors
from trainmark.planning import snakemake_interface as interface

from tests import snakemake_calls
from tests.conftest import ROOT

SCRIPTS = ROOT / "workflow/scripts"
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
START = f"import sys\nsys.path.insert(0, {str(SCRIPTS)!r})\nfrom trainmark.planning import snakemake_interface\n"
# A rule of the name and the kind of those that measure, whose input function protects its output; and another one.
MEASURE = """
def nothing(wildcards):
    snakemake_interface.protect_measurements(workflow)
    return []

rule all:
    input: "record.json", "other"

rule time_training:
    input: nothing
    output: update("record.json")
    params: {params!r}
    shell: {shell!r}

rule other:
    output: "other"
    params: {params!r}
    shell: "echo {{params}} > {{output}}"
"""
PRIVATE = re.compile(r"workflow\.(dag|persistence|\w+_settings|overwrite_configfiles|delete_output|cores|_\w+)\b")
# What the manual documents.
PUBLIC = {"snakemake.utils.min_version", "snakemake.exceptions.WorkflowError"}


class Folder:
    """A workflow in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def write(self, snakefile: str) -> None:
        (self.folder / "Snakefile").write_text(START + snakefile)

    def run(self, *options: str, code: int | None = 0, **environment: str) -> str:
        result = snakemake_calls.run(["--cores", "1", *options], self.folder, {**os.environ, **environment})
        assert code in (None, result.returncode), result.stdout
        return result.stdout

    def measure(self, *options: str, shell: str = "echo measured > {output}", params="2", code=0) -> str:
        """Run a workflow of MEASURE."""
        self.write(MEASURE.format(shell=shell, params=params))
        return self.run(*options, code=code)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def snakemake(tmp_path):
    return Folder(tmp_path)


def test_nothing_is_measured_again_for_other_code_or_params_but_those_that_no_record_has(snakemake):
    snakemake.measure()
    triggers = ["--rerun-triggers", "code", "params", "mtime"]
    output = snakemake.measure(*triggers, params="4", shell="echo again > {output}")
    assert "trainmark: rerun triggers ignored, so that nothing is measured again: code." in output
    assert (snakemake.read("record.json"), snakemake.read("other")) == ("measured\n", "4\n")
    snakemake.measure(params="auto", shell="echo again > {output}")
    assert snakemake.read("record.json") == "again\n"


def test_nothing_to_do_takes_no_pandas(snakemake):
    """And the params are compared as before: other ones are noticed."""
    spared = "snakemake_interface.spare_pandas()\n"
    said = "onsuccess:\n    print('pandas' in sys.modules)\n"
    snakemake.write(spared + MEASURE.format(params="a", shell="echo > {output}") + said)
    snakemake.run()
    assert "True" not in snakemake.run("--forcerun", "all")
    assert "Nothing to be done" in snakemake.run()
    snakemake.write(spared + MEASURE.format(params="b", shell="echo > {output}") + said)
    assert "Nothing to be done" not in snakemake.run()


def test_record_of_a_killed_snakemake_is_no_reason_to_measure_again(snakemake):
    # Snakemake starts a job before it notes that the job began.
    noted = "until ls .snakemake/incomplete | grep -q .; do sleep 0.1; done"
    snakemake.measure("record.json", shell=f"echo measured > {{output}}; {noted}; kill -9 $PPID", code=-9)
    assert list((snakemake.folder / ".snakemake/incomplete").iterdir())
    assert "Nothing to be done" in snakemake.measure("--nolock", "record.json")


def test_record_of_a_job_that_fails_afterwards_is_kept_and_none_put_in_its_place(snakemake):
    snakemake.measure("record.json", shell="echo measured > {output}; exit 3", code=1)
    assert snakemake.read("record.json") == "measured\n"
    snakemake.measure("--force", "record.json", shell="echo again > {output}; exit 3", code=1)
    assert snakemake.read("record.json") == "again\n"
    assert not (snakemake.folder / ".snakemake/backups/record.json").exists()


def test_file_is_made_again_that_is_forced_by_an_input_function(snakemake):
    snakemake.write(
        "def again(wildcards):\n    snakemake_interface.force(workflow, 'made')\n    return []\n\n"
        "rule make:\n    input: again\n    output: 'made'\n    shell: 'echo x >> lines; touch {output}'\n"
    )
    for _ in range(2):
        snakemake.run()
    assert snakemake.read("lines") == "x\nx\n"


def test_what_snakemake_knows_of_a_call(snakemake):
    snakemake.write(
        "import json\n\n"
        "CORES = snakemake_interface.cores(workflow)\n\n"
        "def forced(wildcards):\n"
        "    print('forced', snakemake_interface.is_forced(workflow, 'a.made', 'make'))\n    return []\n\n"
        "rule all:\n    input: 'a.made', 'b.made'\n\n"
        "rule make:\n    input: forced\n    output: '{name}.made'\n    threads: CORES\n    shell: 'touch {output}'\n\n"
        "onstart:\n"
        "    files = list(map(str, snakemake_interface.given_configfiles(workflow)))\n"
        "    given = snakemake_interface.given_config(workflow)\n"
        "    jobs = sorted(snakemake_interface.jobs_to_run(workflow))\n"
        "    found = [sorted(snakemake_interface.targets(workflow)), CORES, jobs]\n"
        "    conda = snakemake_interface.use_conda(workflow)\n"
        "    found += [conda, dict(given), list(map(os.path.basename, files))]\n"
        "    Path('found.json').write_text(json.dumps(found))\n"
    )
    (snakemake.folder / "c.json").write_text('{"b": 2}')

    def found(*options: str) -> list:
        assert "forced False" in snakemake.run("--configfile", "c.json", "--config", "epochs=1", "--", *options)
        return json.loads(snakemake.read("found.json"))

    jobs = [["make", "a.made"], ["make", "b.made"]]
    assert found("all") == [["all"], 1, jobs, False, {"epochs": 1}, ["c.json"]]
    (snakemake.folder / "a.made").unlink()
    assert found() == [[], 1, jobs[:1], False, {"epochs": 1}, ["c.json"]]
    for options in (["--forceall"], ["--forcerun", "make"], ["--force", "a.made"]):
        assert "forced True" in snakemake.run("--dry-run", *options), options


def test_job_is_described_only_where_somebody_is_to_see_it(snakemake):
    snakemake.write("""
class Counted:
    def __format__(self, how):
        with open("counted.txt", "a") as file:
            file.write("x")
        return "made"

COUNTED = Counted()
snakemake_interface.remember_signatures()
snakemake_interface.describe_no_job(workflow)

rule all:
    output: "all.txt"
    params: named=lambda wildcards, output: output[0]
    shell: "echo {COUNTED} > {params.named}"
""")
    assert "all.txt" not in snakemake.run("--quiet", "rules")
    assert snakemake.read("all.txt") == "made\n"
    unseen = len(snakemake.read("counted.txt"))
    assert "rule all:" in snakemake.run("--force")
    assert len(snakemake.read("counted.txt")) - unseen > unseen
    assert "echo made" in snakemake.run("--force", "--printshellcmds")


def test_number_of_cores_that_is_not_known_is_1(snakemake):
    snakemake.write("print('cores', snakemake_interface.cores(workflow))\n")
    command = [sys.executable, "-m", "snakemake", "--lint"]
    result = subprocess.run(command, cwd=snakemake.folder, capture_output=True, text=True)
    assert "cores 1" in result.stdout, result


def test_options_that_delete_measurements_are_refused_and_others_not(snakemake):
    snakemake.write(
        "snakemake_interface.refuse_deletion(workflow)\n\n"
        "rule all:\n    input: 'kept', temp('made')\n    output: 'all.done'\n    shell: 'touch {output}'\n\n"
        "rule make:\n    output: 'kept', temp('made')\n    shell: 'touch {output}'\n"
    )
    for name in ("kept", "made", "all.done"):
        (snakemake.folder / name).touch()
    for option in ("--all-temp", "--delete-all-output"):
        assert f"{option} would delete" in snakemake.run(option, code=1)
    assert {"kept", "made", "all.done"} <= set(os.listdir(snakemake.folder))
    snakemake.run("--delete-temp-output")
    assert {"kept", "all.done"} <= set(os.listdir(snakemake.folder)) - {"made"}


def test_jobs_go_on_without_a_terminal(snakemake):
    names = [str(number) for number in range(4)]
    snakemake.write(
        "snakemake_interface.survive_lost_terminal()\n\n"
        f"rule all:\n    input: {names}\n\nrule make:\n    output: '{{n}}'\n    shell: 'touch {{output}}'\n"
    )
    command = f"{sys.executable} -m snakemake --cores 1 2>&1 | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], cwd=snakemake.folder)
    assert (result.returncode, set(names) <= set(os.listdir(snakemake.folder))) == (0, True)


CONDA = """#!/bin/sh
case "$*" in
--version) echo conda 99.9.9 ;;
info*) echo '{"conda_prefix": "/nowhere", "platform": "linux-64"}' ;;
config*) echo '{"get": {"channel_priority": "strict"}}' ;;
esac
"""


def test_environments_are_announced_once_before_the_first_is_made(snakemake):
    tools = snakemake.folder / "tools"
    tools.mkdir()
    (tools / "conda").write_text(CONDA)
    (tools / "conda").chmod(0o755)
    sizes = {"a.yaml": 1_000_000, "b.yaml": 2_000_000}
    for name in sizes:
        (snakemake.folder / name).write_text(f"dependencies: [{name}]\n")
    (snakemake.folder / "sizes.json").write_text(json.dumps(sizes))
    snakemake.write(
        "snakemake_interface.announce_environments(workflow, Path('sizes.json'))\n"
        "print('conda', snakemake_interface.use_conda(workflow))\n\n"
        "rule all:\n    input: 'a', 'b'\n\n"
        + "".join(
            f"rule {n}:\n    output: '{n}'\n    conda: '{n}.yaml'\n    shell: 'touch {{output}}'\n\n" for n in "ab"
        )
    )
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    output = snakemake.run("--dry-run", "--use-conda", PATH=path)
    assert "conda True" in output
    assert output.count("trainmark: 2 environments to make first, once, in .snakemake/conda: a (1 MB") == 1
    assert output.index("trainmark: 2 environments") < output.index("will be created")


def test_environment_that_is_half_made_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = {name: tmp_path / "conda" / f"{name}_" for name in ("whole", "half", "none")}
    envs = {name: SimpleNamespace(file=f"{name}.yaml", address=str(path)) for name, path in folders.items()}
    for name in ("whole", "half"):
        folders[name].mkdir(parents=True)
    get_env_setup_done_flag_file(folders["whole"]).touch()
    workflow = SimpleNamespace(dag=SimpleNamespace(conda_envs=envs))
    assert interface.missing_environments(workflow) == (["half.yaml", "none.yaml"], "conda")


def test_ctrl_c_that_snakemake_does_not_catch_is_one_line(capsys):
    for error, said in ((KeyboardInterrupt(), f"{errors.STOPPED}\n"), (ValueError("x"), "ValueError: x\n")):
        interface._say_stopped(type(error), error, None)
        assert capsys.readouterr().err == said


def snakemake_imports(text: str) -> set[str]:
    """Dotted names of all that a module, or a file of rules, imports of Snakemake."""
    lines = re.findall(r"^[ \t]*((?:from|import) .*(?:\([^)]*\))?)$", text, flags=re.MULTILINE)
    found = set()
    for line in lines:
        try:
            (node,) = ast.parse(line.strip()).body
        except SyntaxError:
            continue
        module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        found |= {module + alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "snakemake"}


@pytest.mark.parametrize("path", [*RULES, *sorted(SCRIPTS.rglob("*.py"))], ids=lambda path: path.name)
def test_nothing_else_knows_the_insides_of_snakemake(path):
    text = path.read_text()
    if path.name in ("snakemake_interface.py", "snakemake_cluster.py"):
        assert snakemake_imports(text) - PUBLIC
        assert PRIVATE.search(text)
    else:
        assert snakemake_imports(text) <= PUBLIC
        assert not PRIVATE.search(text)


@pytest.fixture(scope="session")
def oldest(tmp_path_factory) -> Path:
    """A folder with the oldest Snakemake that the Snakefile accepts, to be put before the one that is installed."""
    (version,) = re.findall(r'^min_version\("(.+?)"\)', RULES[0].read_text(), flags=re.MULTILINE)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("uv, which installs another Snakemake, was not found")
    folder = tmp_path_factory.mktemp("snakemake")
    # What it needs, the pinned one has brought, but for one.
    command = [uv, "pip", "install", "--no-deps", "--python", sys.executable, "--target", folder]
    result = subprocess.run([*command, f"snakemake=={version}", "appdirs"], capture_output=True, text=True)
    if result.returncode:
        pytest.skip(f"Snakemake {version} could not be installed: {result.stderr[-300:]}")
    return folder


def test_all_holds_with_the_oldest_snakemake(oldest, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(oldest)}

    def run(*arguments: str, folder: Path = ROOT) -> str:
        command = [sys.executable, "-m", *arguments]
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    installed = re.findall(r"snakemake-([\d.]+)\.dist-info", " ".join(os.listdir(oldest)))
    assert run("snakemake", "--version").split() == installed
    run("pytest", "-p", "no:cacheprovider", "-k", "not oldest and not insides", str(Path(__file__).resolve()))
    for name in ("Snakefile", "config", "envs", "profiles", "workflow"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    assert "time_training" in run("snakemake", "--cores", "1", "--dry-run", "--quiet", "rules", folder=tmp_path)
