"""Tests of trainmark.install.virtual_environment, with real Pythons, pips and packages."""

import ast
import os
import shutil
import subprocess
import sys

import pytest
from trainmark import errors, process_environment, stacks
from trainmark.errors import TrainmarkError
from trainmark.install import debian, virtual_environment

from tests.installs import VERSION, copy_python, find_python, write_wheel


@pytest.fixture(autouse=True)
def without_settings(monkeypatch, tmp_path):
    """No settings of the user's for pip but those of a test."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An environment as it is made, not to be changed."""
    folder = tmp_path_factory.mktemp("made") / "venv"
    virtual_environment.create(folder)
    return folder


@pytest.fixture
def venv(made, tmp_path):
    """An environment of one's own, made in its folder."""
    folder = tmp_path / "venv"
    shutil.copytree(made, folder, symlinks=True)
    for script in (folder / "bin").glob("pip*"):
        script.write_text(script.read_text().replace(str(made), str(folder)))
    return folder


@pytest.fixture
def pip_is_copied(made, monkeypatch):
    """Let further environments have the pip of the first one: to install it is most of what making one takes."""
    real = virtual_environment._call

    def call(command):
        assert command[1:4] == ["-I", "-m", "venv"]
        folder = virtual_environment.Path(command[-1])
        real([*command[:-1], "--without-pip", command[-1]])
        shutil.copytree(made / "lib", folder / "lib", dirs_exist_ok=True)
        for script in (made / "bin").glob("pip*"):
            (folder / "bin" / script.name).write_text(script.read_text().replace(str(made), str(folder)))

    monkeypatch.setattr(virtual_environment, "_call", call)


def test_environment_is_sound_as_it_is_made(made):
    assert virtual_environment.fault_of(made) is None


def test_environment_is_sound_whatever_the_shell_says(made, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "trainmark.py").write_text("raise RuntimeError")
    assert virtual_environment.fault_of(made) is None


def test_environment_for_another_stack_may_need_another_python(made, monkeypatch):
    monkeypatch.setattr(virtual_environment.sys, "prefix", str(made))
    assert virtual_environment.fault_of_this(made, [VERSION]) is None
    assert virtual_environment.fault_of_this(made, ["3.1"]) == f"its Python is now Python {sys.version.split()[0]}"


def removed(venv):
    (venv / "bin/python").unlink()


def dangling(venv):
    removed(venv)
    (venv / "bin/python").symlink_to(venv / "upgraded" / "python3.12")


def crashing(venv):
    removed(venv)
    (venv / "bin/python").write_text(
        "#!/bin/sh\necho 'libpython3.12.so.1.0: cannot open shared object file' >&2\nexit 127"
    )
    (venv / "bin/python").chmod(0o755)


def upgraded(venv):
    removed(venv)
    (venv / "bin/python").symlink_to(find_python("3.13", "3.14", "3.10", "3.9"))


def without_pip(venv):
    shutil.rmtree(next(venv.glob("lib/python3.*/site-packages/pip")))


def upgraded_to_one_that_fits(venv):
    """As from 3.11 to 3.12, for which nothing is installed there."""
    (venv / "lib" / f"python{VERSION}").rename(venv / "lib" / "python3.0")


def without_configuration(venv):
    (venv / "pyvenv.cfg").unlink()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (removed, "its Python is gone"),
        (dangling, "its Python is gone"),
        (crashing, "its Python does not start"),
        (upgraded, "its Python is now Python 3."),
        (upgraded_to_one_that_fits, f"its Python is now Python {VERSION}."),
        (without_pip, "it is not complete"),
        (without_configuration, "it is no longer a virtual environment"),
    ],
)
def test_unsound_environment_is_noticed(venv, spoil, expected):
    assert virtual_environment.fault_of(venv) is None
    spoil(venv)
    assert virtual_environment.fault_of(venv).startswith(expected)


@pytest.mark.parametrize("spoil", [dangling, upgraded, without_pip])
@pytest.mark.usefixtures("pip_is_copied")
def test_unsound_environment_is_made_anew(venv, spoil):
    spoil(venv)
    virtual_environment.create(venv)
    assert virtual_environment.fault_of(venv) is None


@pytest.mark.parametrize("move", [shutil.move, lambda old, new: shutil.copytree(old, new, symlinks=True)])
@pytest.mark.usefixtures("pip_is_copied")
def test_moved_or_copied_environment_is_noticed_and_made_anew(venv, tmp_path, move):
    (tmp_path / "elsewhere").mkdir()
    move(venv, tmp_path / "elsewhere" / "venv")
    moved = tmp_path / "elsewhere" / "venv"
    assert virtual_environment.fault_of(moved) == "it was moved or copied here from another folder"
    virtual_environment.create(moved)
    assert virtual_environment.fault_of(moved) is None


@pytest.mark.usefixtures("pip_is_copied")
def test_environment_of_another_checkout_behind_a_link_stays(venv, tmp_path, capfd):
    link = tmp_path / "linked"
    link.symlink_to(venv)
    assert virtual_environment.fault_of(link) == "it was moved or copied here from another folder"
    virtual_environment.create(link)
    assert virtual_environment.fault_of(venv) is None
    assert virtual_environment.fault_of(link) is None
    assert not link.is_symlink()
    assert f"is a link to {venv.resolve()}, which stays as it is" in "".join(capfd.readouterr())


@pytest.mark.parametrize("missing", [("ensurepip",), ("ensurepip", "pip")], ids=" ".join)
def test_environment_is_created_where_parts_of_python_are_missing(monkeypatch, tmp_path, missing):
    """As with Debian's and Ubuntu's own Python, which has neither, and Colab's, which has no ensurepip."""
    monkeypatch.undo()  # pip is fetched with this machine's settings
    for module in missing:
        monkeypatch.setitem(sys.modules, module, None)
    if "pip" in missing:
        try:
            debian.unpack("python3-pip-whl", tmp_path)
        except debian.PackageError as error:
            pytest.skip(f"no pip of Debian's can be had here: {error}")
    virtual_environment.create(tmp_path / "venv")
    assert virtual_environment.fault_of(tmp_path / "venv") is None


def test_python_without_pip_and_without_a_way_to_it_gets_one_sentence(monkeypatch, tmp_path):
    for module in ("ensurepip", "pip"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(debian.shutil, "which", lambda name: None)
    with pytest.raises(TrainmarkError, match=r"lacks ensurepip and pip.*sudo apt-get install python3-venv"):
        virtual_environment.create(tmp_path / "venv")


# All that can lead pip elsewhere, or make it do something else.
ASTRAY = {
    "user": "yes",
    "target": "{folder}/target",
    "prefix": "{folder}/prefix",
    "root": "{folder}/root",
    "dry-run": "yes",
    "constraint": "{folder}/constraints.txt",
    "no-binary": ":all:",
    "ignore-requires-python": "yes",
    "require-virtualenv": "yes",
    "no-index": "no",
    "quiet": "3",
    "log": "{folder}/log",
    "report": "{folder}/report",
    "no-such-option": "1",
}


@pytest.mark.parametrize("by", ["variables", "file", "PIP_USER=1", "user = yes"])
def test_packages_go_into_the_environment_whatever_pip_is_told(venv, tmp_path, monkeypatch, by):
    requirement = write_wheel(tmp_path, "told", {"told.py": "where = __file__\n"})
    (tmp_path / "pins.txt").write_text(requirement)
    (tmp_path / "constraints.txt").write_text("told==2\n")
    options = {name: value.format(folder=tmp_path) for name, value in ASTRAY.items()}
    options = options if by in ("variables", "file") else {"user": "1"}
    if by in ("variables", "PIP_USER=1"):
        for name, value in options.items():
            monkeypatch.setenv(f"PIP_{name.upper().replace('-', '_')}", value)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    else:
        # The index is reached as the file says: no other one is known here.
        lines = [f"{name} = {value}" for name, value in options.items() if name != "no-index"]
        network = ["[global]", "no-index = yes", f"find-links =\n  {tmp_path}/nothing\n  {tmp_path}"]
        (tmp_path / "pip.conf").write_text("\n".join([*network, *lines, "[install]", *lines]))
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    virtual_environment.install(venv, [str(tmp_path / "pins.txt")])
    command = [venv / "bin/python", "-I", "-c", "import told; print(told.where)"]
    where = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert where.startswith(str(venv))
    assert not {"target", "prefix", "root", "report"} & {path.name for path in tmp_path.iterdir()}


def test_network_is_reached_as_the_user_set_it(monkeypatch, tmp_path):
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://index.example/simple\ntimeout = 7\ncert = /file/global.pem\nuser = yes\n"
        "extra-index-url =\n  https://one.example/simple\n  https://two.example/simple\n"
        "[install]\ncert = /file/install.pem\ntrusted-host = index.example\nno-deps = yes\n[list]\nformat = json\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_TIMEOUT", "9")
    monkeypatch.setenv("PIP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    found = virtual_environment.pip_variables([sys.executable, "-I", "-m", "pip"])
    assert {name: value.split() for name, value in found.items() if name.startswith("PIP_")} == {
        "PIP_INDEX_URL": ["https://index.example/simple"],
        "PIP_EXTRA_INDEX_URL": ["https://one.example/simple", "https://two.example/simple"],
        "PIP_CERT": ["/file/install.pem"],
        "PIP_TRUSTED_HOST": ["index.example"],
        "PIP_TIMEOUT": ["9"],
        "PIP_PROXY": ["http://proxy.example:3128"],
        "PIP_USER": ["0"],
        "PIP_CONFIG_FILE": [os.devnull],
    }


def test_settings_that_pip_cannot_read_are_told(venv, monkeypatch, tmp_path):
    (tmp_path / "pip.conf").write_text("index-url = https://index.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with pytest.raises(TrainmarkError, match=r"pip cannot read its settings\..*/bin/python -I -m pip config list$"):
        virtual_environment.install(venv, [])


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """No Python was brought, and those that are go into a folder of the test's own; nothing is on PATH."""
    monkeypatch.setattr(virtual_environment, "_ROOT", tmp_path / "checkout")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "checkout"


def fake_uv(folder, version):
    """A uv that tells its version and can do nothing."""
    (folder / "uv").write_text(
        f"#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv {version}' || {{ echo broken >&2; exit 2; }}\n"
    )
    (folder / "uv").chmod(0o755)


@pytest.mark.parametrize(("version", "used"), [("0.7.22", False), ("0.8.0", True), ("1.0.0", True), ("", False)])
def test_uv_on_the_path_is_used_if_it_is_new_enough(checkout, tmp_path, version, used):
    fake_uv(tmp_path / "bin", version)
    assert virtual_environment._uv_on_path(tmp_path) == ([str(tmp_path / "bin/uv")] if used else None)


def test_what_cannot_be_fetched_is_told_in_one_sentence(checkout, tmp_path, monkeypatch):
    fake_uv(tmp_path / "bin", "0.9.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(TrainmarkError) as caught:
        virtual_environment.bring_python(("3.11", "3.12"))
    (line,) = str(caught.value).splitlines()
    assert "broken; ERROR: No matching distribution found for uv==" in line
    assert "connect to the network" in line
    assert line.endswith("make run PYTHON=/path/to/python3.12")
    assert not any(virtual_environment.pythons_folder().iterdir())


def test_python_that_was_brought_is_used_again(checkout):
    assert virtual_environment.brought_python(["3.1", VERSION]) is None
    folder = virtual_environment.pythons_folder() / f"cpython-{sys.version.split()[0]}-here"
    python = copy_python(folder)
    assert virtual_environment.brought_python(["3.1", VERSION]) == str(python)
    assert virtual_environment.brought_python(["3.1"]) is None  # of a stack that it does not support
    python.write_text("")  # an interrupted copy, say
    assert virtual_environment.brought_python([VERSION]) is None


@pytest.mark.parametrize(
    "module", [virtual_environment, debian, process_environment, errors, stacks], ids=lambda module: module.__name__
)
def test_what_the_installer_needs_can_be_read_by_old_pythons(module):
    source = virtual_environment.Path(module.__file__).read_text()
    ast.parse(source, feature_version=(3, 7))
    assert "from __future__ import annotations\n" in source  # or "list[str]" is an error before 3.9
