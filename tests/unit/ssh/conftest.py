"""An ssh that connects to folders of this computer, each of which is the home of a user on an invented machine."""

import json
import os
import sys
import threading
from pathlib import Path

import pytest
from trainmark.planning import ssh_machines
from trainmark.ssh import project_files
from trainmark.ssh.computers import Computers
from trainmark.ssh.one_machine import Errand

from tests.conftest import ROOT, synthetic_machine
from tests.unit.planning.conftest import DEFAULT

# As the real one: it says on stderr why it cannot connect, and gives what it was told to the user's shell.
SSH = """#!/bin/sh
echo "$@" >> FOLDER/calls
while test "$1" != --; do shift; done
test -e FOLDER/$2.says && { cat FOLDER/$2.says >&2; exit 255; }
cd FOLDER/$2 2>/dev/null || { echo "ssh: Could not resolve hostname $2: Name or service not known" >&2; exit 255; }
HOME=$PWD
export HOME
if test -e FOLDER/$2.cut; then
  rm FOLDER/$2.cut
  mkfifo FOLDER/$2.pipe
  exec 4<&0
  sh -c "$3" <&4 > FOLDER/$2.pipe &
  exec 4<&-
  while read -r line; do
    echo "$line"
    case "$line" in *CUT*) break ;; esac
  done < FOLDER/$2.pipe
  echo "client_loop: send disconnect: Broken pipe" >&2
  exit 255
fi
exec sh -c "$3"
"""
# In the place of what make installs: does what is asked for without any package.
PYTHON = """#!/bin/sh
echo "$*" >> calls
case "$*" in
  *describe_machine*) for path; do :; done; mkdir -p ${path%/*}; cp ../machine.json $path ;;
  *--unlock*) rm -rf .snakemake ;;
  *snakemake*)
    test -e ../snakemake.sh && . ../snakemake.sh
    mkdir -p results/machines/$MACHINE
    cp ../machine.json results/machines/$MACHINE ;;
  *pack_results*) echo "trainmark: packed"; echo "the archive" > results/$MACHINE.tar.gz ;;
esac
"""
MAKE = """#!/bin/sh
echo "make $*" >> calls
for target; do :; done
mkdir -p ${target%/*}/bin
echo installing
cp FOLDER/python ${target%/*}/bin/python
"""
CODE = ("serve_fleet.py", "trainmark/__init__.py", "trainmark/install/__init__.py", "trainmark/install/served_copy.py")


class Lab:
    """Invented machines: each is a folder below ``folder``, and has what is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        own = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
        for name, text in (("bin/ssh", SSH), ("tools/make", MAKE), ("python", PYTHON), ("tools/python3.12", own)):
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace("FOLDER", str(folder)))
            path.chmod(0o755)

    def add(self, name: str, **changes) -> Path:
        """A machine; gives the home of its user."""
        home = self.folder / name
        home.mkdir()
        described = {**synthetic_machine(name), "machine_id_hash": f"{len(name)}{name}".ljust(32, "0"), **changes}
        (home / "machine.json").write_text(json.dumps(described))
        return home

    def errand(self, name: str, computers=None, to=None, **entry) -> Errand:
        """What is asked of a machine."""
        entry = {
            "ssh": to or name,
            "before": f"MACHINE={name}; export MACHINE; PATH={self.folder}/tools:$PATH",
            **entry,
        }
        config = {**DEFAULT, "fleet": {name: entry}}
        there = ssh_machines.of(config)[name]
        copy = project_files.for_machine(project(), there, config, DEFAULT)
        return Errand(there, copy, computers or Computers(), threading.Event())


def project(**more: str) -> project_files.Project:
    """What a machine needs of this project to put a copy of it in place, and further files."""
    contents = {f"workflow/scripts/{name}": (ROOT / "workflow/scripts" / name).read_bytes() for name in CODE}
    contents |= {name: text.encode() for name, text in more.items()}
    return project_files.Project({path: (each, 0o644, 1.0) for path, each in contents.items()}, "abc-dirty")


@pytest.fixture
def lab(tmp_path, monkeypatch) -> Lab:
    for name in ("lab", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", f"{tmp_path}/lab/bin:{os.environ['PATH']}")
    monkeypatch.setattr("trainmark.ssh.one_machine._AGAIN_SECONDS", 0.1)
    # What runs on an invented machine is this computer's, and so keeps the streams open when its ssh is gone.
    monkeypatch.setattr("trainmark.ssh.connection._ALIVE_SECONDS", 0.1)
    return Lab(tmp_path / "lab")
