"""Tests of trainmark.layers: every module imports only what its folder may, and the report knows when code changed."""

import ast
import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from trainmark import layers, stacks

from tests.conftest import ROOT

SCRIPTS = ROOT / "workflow" / "scripts"
PACKAGE = SCRIPTS / "trainmark"
RULES = ROOT / "workflow/rules/report.smk"
# Script -> folder, of the rules that depend on code.
DIGESTS = dict(re.findall(r'layers\.digest\("(\w+)\.py", "([\w/]*)"\)', RULES.read_text()))
# Folders whose modules run beside a training, or before anything is installed.
BARE = ("", "machine", "install", "dataset", "experiment/suites", "experiment", "records", "measure", "doctor")
BARE += ("measure/worker/frameworks", "measure/worker")

# Test files of what is no module of the package, or of several folders at once.
OTHERS = {
    "create_venv",
    "docs",
    "fuzz",
    "makefile",
    "report",
    "slow_tests",
    "start_program",
    "strangers",
    "write_locks",
}


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports_of(path: Path) -> frozenset[str]:
    """Dotted names of all that a file imports, wherever in it, other than for type checking alone."""
    return _imports_in(path.read_text())


@functools.cache  # copies of the package are the same but for a module
def _imports_in(text: str) -> frozenset[str]:
    names = set()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"a relative import: {ast.unparse(node)}"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def folder_of(package: Path, dotted: str) -> str:
    """The folder of what is imported from this package: of a module, or of a name in one."""
    path = package.joinpath(*dotted.split(".")[1:])
    while not (path.is_dir() or path.with_suffix(".py").exists()):
        path = path.parent
    place = path if path.is_dir() else path.parent
    return "" if place == package else place.relative_to(package).as_posix()


def used(package: Path, path: Path) -> tuple[set[str], set[str]]:
    """The other folders, and the third-party packages, that a module imports."""
    found = imports_of(path)
    own = {name for name in found if name.split(".")[0] == "trainmark"}
    foreign = {name.split(".")[0] for name in found - own} - set(sys.stdlib_module_names)
    here = path.parent.relative_to(package).as_posix()
    return {folder_of(package, name) for name in own} - {"" if here == "." else here, ""}, foreign


def trespasses(package: Path) -> list[str]:
    """What the modules of a package import although their folder may not."""
    found = []
    for path in modules(package):
        place = path.relative_to(package).as_posix()
        folders, packages = layers.FOLDERS[place.rpartition("/")[0]]
        inner, foreign = used(package, path)
        found += [f"{place}: {name}" for name in sorted((inner - set(folders)) | (foreign - set(packages)))]
    return found


def test_every_module_imports_only_what_its_folder_may():
    assert trespasses(PACKAGE) == []


def test_table_lists_every_folder_and_nothing_that_no_module_needs():
    needed = {folder: (set(), set()) for folder in layers.FOLDERS}
    for path in modules(PACKAGE):
        for which, names in zip(needed[name_of(path).rpartition("/")[0]], used(PACKAGE, path)):
            which |= names
    assert {folder: (set(f), set(p)) for folder, (f, p) in layers.FOLDERS.items()} == needed


def test_folders_come_after_those_that_they_import():
    order = list(layers.FOLDERS)
    for folder, (allowed, _) in layers.FOLDERS.items():
        assert all(order.index(each) < order.index(folder) for each in allowed)


@pytest.mark.parametrize(
    ("module", "line", "named"),
    [
        ("records/record.py", "import tensorflow as tf", "tensorflow"),
        ("measure/supervision.py", "import pandas", "pandas"),
        ("measure/supervision.py", "def late():\n    from pandas import DataFrame", "pandas"),
        ("ingest/merging.py", "from trainmark.report import page", "report"),
        ("ingest/merging.py", "from trainmark.report.page import MOST_ROWS", "report"),
        ("machine/gpus.py", "from trainmark.records import record", "records"),
        ("experiment/grid.py", "from trainmark import measure", "measure"),
        ("measure/progress.py", "import trainmark.measure.worker.training", "measure/worker"),
        ("analysis/claims.py", "from trainmark.report.figures.drawing import draw", "report/figures"),
        ("report/sections/speed.py", "import matplotlib.pyplot", "matplotlib"),
        ("words.py", "from trainmark.machine import gpus", "machine"),
    ],
)
def test_import_in_the_wrong_folder_is_named(tmp_path, module, line, named):
    copy = tmp_path / "trainmark"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / module
    path.write_text(path.read_text() + f"\n{line}\n")
    assert trespasses(copy) == [f"{module}: {named}"]


def test_what_measures_is_imported_without_any_package():
    names = [f"trainmark.{name_of(path)[:-3].replace('/', '.')}" for path in modules(PACKAGE)]
    bare = [name for name in names if name.split(".", 1)[1].rpartition(".")[0].replace(".", "/") in BARE]
    assert "trainmark.measure.worker.training" in bare
    code = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import " + ", ".join(bare)
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_what_measures_reaches_only_what_a_training_environment_has():
    reached = set().union(*(layers.reach(folder) for folder in BARE))
    assert reached == set(BARE)
    assert {package for folder in reached for package in layers.FOLDERS[folder][1]} == {
        "numpy",
        *layers.FOLDERS["measure/worker/frameworks"][1],
    }


# The modules that only the process of Snakemake itself can import.
INTERFACES = ("planning/snakemake_interface.py", "planning/snakemake_cluster.py")


@pytest.mark.parametrize("path", modules(PACKAGE), ids=name_of)
def test_package_knows_neither_arguments_nor_snakemake(path):
    imported = {name.split(".")[0] for name in imports_of(path)}
    assert not imported & {"argparse"}
    assert ("snakemake" in imported) == (name_of(path) in INTERFACES)
    attributes = [node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
    assert "argv" not in attributes, "sys.argv belongs to the scripts"


@pytest.mark.parametrize("path", [*SCRIPTS.glob("*.py"), *modules(PACKAGE)], ids=lambda path: path.stem)
def test_nothing_that_runs_outside_snakemake_imports_its_interface(path):
    imported = " ".join(imports_of(path))
    assert not [each for each in INTERFACES if each.removesuffix(".py").replace("/", ".") in imported]


@pytest.mark.parametrize("path", modules(PACKAGE), ids=name_of)
def test_modules_and_functions_are_short(path):
    text = path.read_text()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert len(text.splitlines()) <= 350
    assert [each.name for each in functions if each.end_lineno - each.lineno >= 50] == []


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_scripts_are_short(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith(("from ", "import "))]
    assert len(lines) <= 42


def test_test_files_lie_where_their_modules_do():
    tests = [path.relative_to(ROOT / "tests/unit") for path in (ROOT / "tests/unit").rglob("test_*.py")]
    places = {path.with_name(path.stem.removeprefix("test_")).as_posix() for path in tests}
    known = {name_of(path).removesuffix(".py") for path in modules(PACKAGE)}
    assert places - known == OTHERS


def _digest_after(tmp_path, monkeypatch, changed, script, folder):
    """The digest in a copy of the scripts, after a file has been changed there."""
    copy = tmp_path / str(changed).replace("/", "-")
    shutil.copytree(SCRIPTS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if changed:
        with (copy / changed).open("a") as file:
            file.write("# another line\n")
    monkeypatch.setattr(layers, "_PACKAGE", copy / "trainmark")
    return layers.digest.__wrapped__(script, folder)


@pytest.mark.parametrize(
    ("changed", "script", "folder", "noticed"),
    [
        *((f"trainmark/{name_of(path)}", "render_page.py", "report", True) for path in modules(PACKAGE / "ingest")),
        ("trainmark/errors.py", "collect_records.py", "analysis", True),
        ("trainmark/records/record.py", "collect_records.py", "analysis", True),
        ("trainmark/install/debian.py", "collect_records.py", "analysis", True),  # by way of the data set
        ("trainmark/report/figures/drawing.py", "render_page.py", "report", True),
        ("collect_records.py", "collect_records.py", "analysis", True),
        ("make_tables.py", "collect_records.py", "analysis", False),
        ("trainmark/report/page.py", "collect_records.py", "analysis", False),
        ("trainmark/measure/worker/training.py", "render_page.py", "report", False),
        ("trainmark/measure/supervision.py", "render_page.py", "report", False),
        ("trainmark/planning/plan.py", "render_page.py", "report", False),
    ],
)
def test_digest_changes_with_the_code_that_is_reached(tmp_path, monkeypatch, changed, script, folder, noticed):
    before = _digest_after(tmp_path, monkeypatch, None, script, folder)
    assert (_digest_after(tmp_path, monkeypatch, changed, script, folder) != before) == noticed


def test_module_that_is_added_changes_the_digest(tmp_path, monkeypatch):
    before = _digest_after(tmp_path, monkeypatch, None, "make_tables.py", "analysis")
    after = _digest_after(tmp_path, monkeypatch, "trainmark/analysis/another.py", "make_tables.py", "analysis")
    assert after != before


def test_digest_changes_with_what_is_said_of_the_stacks(tmp_path, monkeypatch):
    """The page has their labels."""
    before = layers.digest.__wrapped__("make_tables.py", "analysis")
    (tmp_path / "stacks.json").write_text((stacks.ENVS / "stacks.json").read_text().replace("Keras on", "Keras with"))
    monkeypatch.setattr(stacks, "ENVS", tmp_path)
    assert layers.digest.__wrapped__("make_tables.py", "analysis") != before


def test_every_rule_that_makes_a_part_of_the_report_has_a_digest():
    scripts = set(re.findall(r"python workflow/scripts/(\w+)\.py", RULES.read_text()))
    assert set(DIGESTS) == scripts - {"check_runs"}


@pytest.mark.parametrize(("script", "folder"), DIGESTS.items())
def test_digest_of_a_rule_covers_all_that_its_script_imports(script, folder):
    found = {folder_of(PACKAGE, name) for name in imports_of(SCRIPTS / f"{script}.py") if name.startswith("trainmark")}
    assert found <= layers.reach(folder)
