"""A fleet of machines that ssh reaches, by real sshd's on this computer, see tests/ssh; skipped where there is none.

The trainings are pretended, and nothing is installed over there: its environment has the packages of the tests.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

import pytest
from trainmark.install import served_copy
from trainmark.ssh import connection

from tests import shared
from tests.conftest import ROOT
from tests.integration.conftest import TINY, copy_project, pretend
from tests.ssh.hosts import Hosts, missing

NAMES = ("h1", "h2")
LIMIT_SECONDS = 300


# What runs there, as the other end of a connection sees it: a program that ends as by Ctrl-C, and says so in a file.
THERE = """
import os, sys
sys.path.insert(0, {scripts!r})
from trainmark.install import served_copy
life = served_copy.LifeLine(0)
patient = "trap 'touch {marks}/ended; exit 130' INT; touch {marks}/began; while :; do sleep 0.1; done"
life.run(["sh", "-c", patient], os.open({marks!r} + "/lock", os.O_CREAT | os.O_RDWR))
os._exit(served_copy.STOPPED)
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    why = missing()
    if why:
        pytest.skip(why)
    base = shared.folder_of_all(tmp_path_factory)
    places = {base, ROOT, Path(sys.prefix), Path(sys.base_prefix)}
    found = Hosts(tmp_path_factory.mktemp("ssh"), sorted(path for path in places if path.is_relative_to("/tmp")))
    try:
        found.start(*NAMES)
        yield found
    finally:
        found.stop()


def environment(folder: Path) -> Path:
    """A virtual environment as make's, whose packages are those of the tests."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python3.*/site-packages")
    (site / "borrowed.pth").write_text(f"import sys; sys.path.insert(0, {sysconfig.get_paths()['purelib']!r})\n")
    (folder / "installed").touch()
    return folder


def measure(folder: Path, hosts: Hosts, before: str) -> subprocess.CompletedProcess:
    """What make does for a fleet of machines that ssh reaches."""
    settings = {key: value for key, value in TINY.items() if key != "machine"}
    fleet = {name: {"ssh": name, "before": before, "folder": "its copy"} for name in NAMES}
    (folder / "fleet.yaml").write_text(json.dumps({**settings, "fleet": fleet}))
    command = [sys.executable, "workflow/scripts/measure_fleet.py", "--", "fleet.yaml"]
    options = {"env": {**os.environ, "PATH": f"{hosts.bin}{os.pathsep}{os.environ['PATH']}"}, "cwd": folder}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.run(command, **options, **pipes, timeout=LIMIT_SECONDS)


def trained(output: str) -> list[str]:
    """The machine of every run that an output tells of."""
    return sorted(re.findall(r"^(\w+): \[ ?\d+/\d+\] tf-2\.19 cpu mlp", output, re.MULTILINE))


def records(folder: Path) -> dict[str, bytes]:
    machines = folder / "results/machines"
    return {str(path.relative_to(machines)): path.read_bytes() for path in sorted(machines.glob("*/runs/**/*.json"))}


def wait_for(path: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear within {seconds} s"
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["killed", "asked"])
def test_what_runs_there_ends_with_the_command_here(hosts, tmp_path, how):
    """Without a terminal there, sshd ends nothing itself, whether the client was killed or its input has ended."""
    code = THERE.format(scripts=str(ROOT / "workflow/scripts"), marks=str(tmp_path))
    script = f"exec {sys.executable} -I -c {shlex.quote(code)}"
    command = connection.command_line("h1", script)
    command[0] = str(hosts.bin / "ssh")
    client = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    wait_for(tmp_path / "began")
    if how == "killed":
        client.kill()
    else:
        client.stdin.close()
    wait_for(tmp_path / "ended")
    assert client.wait(30) == (-9 if how == "killed" else served_copy.STOPPED)


def test_what_a_real_ssh_says_is_understood(hosts, monkeypatch):
    monkeypatch.setenv("PATH", f"{hosts.bin}{os.pathsep}{os.environ['PATH']}")
    settings = (hosts.folder / "config").read_text()
    stranger, guest = (settings.split("Host h2")[0].replace("Host h1", f"Host {name}") for name in ("new", "guest"))
    stranger = stranger.replace("HostKeyAlias h1", "HostKeyAlias new")
    guest = guest.replace(f"{hosts.folder}/key", "/dev/null")
    (hosts.folder / "config").write_text(settings + stranger + guest)
    said = {}
    for name in ("new", "guest", "h1"):
        call = connection.Call(connection.command_line(name, "exit 7"), lambda line: None, threading.Event())
        said[name] = call.give(b"")
    assert said["h1"].code == 7
    assert said["new"].code == said["guest"].code == connection.NO_CONNECTION
    assert "connect once by hand and accept its key: ssh new" in connection.explain(said["new"], "new")
    assert "let ssh log in by a key" in connection.explain(said["guest"], "guest")


def test_one_command_measures_two_machines_and_then_what_is_missing_of_the_one_that_is_up(
    hosts, finished, data_folder, tmp_path
):
    folder = copy_project(tmp_path / "checkout", data_folder)
    pretend(folder, finished[0])
    own_lock = "workflow/scripts/trainmark/measure/worker_process.py"
    shutil.copy(ROOT / own_lock, folder / own_lock)  # on each host's own /tmp
    config = folder / "config/config.yaml"
    config.write_text(config.read_text().replace("\nmachine: auto\n", "\nmachine: where-it-is-given\n"))
    before = f"test -e .venv || cp -R {environment(tmp_path / 'venv')} .venv; "
    before += f"mkdir -p results; test -e results/data || cp -R {data_folder} results/data"

    first = measure(folder, hosts, before)
    assert first.returncode == 0, first.stdout
    assert trained(first.stdout) == ["h1", "h1", "h2", "h2"]
    made, identities = records(folder), []
    assert {path.split("/")[0] for path in made} == {*NAMES}
    assert len(made) == 4
    for name in NAMES:
        described = json.loads((folder / f"results/machines/{name}/machine.json").read_text())
        assert described["chip"] == f"Synthetic {name} Processor"
        of_it = [json.loads(content) for path, content in made.items() if path.startswith(f"{name}/")]
        assert {each["identity"]["machine_id_hash"] for each in of_it} == {described["machine_id_hash"]}
        assert {each["execution"]["intra_op_threads"] for each in of_it} == {described["cores"]["usable"]}
        assert all(b"where-it-is-given" not in content for content in made.values())
        identities.append(of_it[0]["identity"])
        there = hosts.home(name) / "its copy"
        assert records(there) == {path: content for path, content in made.items() if path.startswith(f"{name}/")}
        assert "where-it-is-given" not in "".join(path.read_text() for path in (there / "config").glob("*.yaml"))
    assert identities[0]["machine_id_hash"] != identities[1]["machine_id_hash"]
    assert identities[0]["hardware"] != identities[1]["hardware"]
    page = folder / "results/report/index.html"
    assert all(f"Synthetic {name} Processor" in page.read_text() for name in NAMES)

    hosts.stop("h2")
    lost = f"h1/runs/tf-2.19/cpu/mlp/{TINY['batch_sizes'][0]}/1.json"
    for machines in (folder / "results/machines", hosts.home("h1") / "its copy/results/machines"):
        (machines / lost).unlink()
    second = measure(folder, hosts, before)
    assert second.returncode == 1, second.stdout
    assert trained(second.stdout) == ["h1"]
    assert "h2: FAILED: ssh: connect to host 127.0.0.1 port " in second.stdout
    assert "Connection refused: is its sshd running" in second.stdout
    assert "Log: results/logs/fleet/h2.log" in second.stdout
    again = records(folder)
    assert {path: again[path] for path in made if path != lost} == {path: made[path] for path in made if path != lost}
    assert again[lost] != made[lost]
    assert "1 of 2 machines by ssh measured" in second.stdout
    assert f"Page: {page.as_uri()}" in second.stdout
