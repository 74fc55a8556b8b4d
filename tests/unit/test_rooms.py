"""Every module imports only what its room allows."""

import ast
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "workflow" / "scripts" / "trainmark"
TRAINING = {"training", "residence", "roofline", "examination"}
REPORT = {
    "comparing",
    "consumption",
    "convergence",
    "findings",
    "claims",
    "tables",
    "exhibits",
    "figure_energy",
    "figure_host",
    "gallery",
    "soundness",
    "figures",
    "answers",
    "beyond",
    "bottlenecks",
    "derived",
    "appendix",
    "content",
    "sections",
    "document",
    "page",
    "naming",
}
# Rooms of the workflow: they run beside Snakemake, or where the records are read.
WORKFLOW = {"config": {"jsonschema", "yaml"}, "schemas": {"msgspec", "yaml"}, "reading": {"msgspec"}}
WORKFLOW |= {
    "ledgers": {"yaml"},
    "strict_yaml": {"yaml"},
    "catalogue": {"yaml"},
    "collecting": {"msgspec"},
    "consistency": {"msgspec"},
    "plausibility": set(),
    "referencing": {"msgspec"},
    "archives": set(),
    "origins": {"msgspec"},
    "signing": set(),
    "merging": set(),
    "admission": set(),
    "plan": set(),
    "deployment": set(),
}
REPORT_PACKAGES = {"pandas", "numpy", "scipy", "matplotlib", "jinja2", "yaml"}


def imports_of(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, wherever in it, other than for type checking alone."""
    names = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names


def allowed(room: str) -> set[str]:
    if room in TRAINING:
        return {"tensorflow"}
    if room in REPORT:
        return REPORT_PACKAGES
    if room == "dataset":
        return {"numpy"}
    return WORKFLOW.get(room, set())


MODULES = sorted(PACKAGE.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_only_what_the_room_allows(path):
    foreign = imports_of(path) - set(sys.stdlib_module_names) - {"trainmark"}
    assert foreign <= allowed(path.stem)


def test_measuring_rooms_reach_no_report_or_workflow_room():
    """What the training process imports, directly or not, needs nothing but the training environment."""
    seen, waiting = set(), {"supervision", "progress", "training", "errors", "grid", "sweeping", "roofline"}
    waiting |= {"examining", "examination", "diagnosis", "doctor", "anonymity"}
    while waiting:
        room = waiting.pop()
        seen.add(room)
        tree = ast.parse((PACKAGE / f"{room}.py").read_text())
        inner = {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "trainmark"
            for name in ([node.module.split(".")[1]] if "." in node.module else [a.name for a in node.names])
        }
        waiting |= inner - seen
    assert not seen & {*REPORT, *WORKFLOW}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_package_knows_neither_arguments_nor_snakemake(path):
    source = path.read_text()
    assert "snakemake" not in imports_of(path)
    assert "argparse" not in imports_of(path)
    assert not any(isinstance(node, ast.Attribute) and node.attr == "argv" for node in ast.walk(ast.parse(source))), (
        "sys.argv belongs to the scripts"
    )


@pytest.mark.parametrize("path", sorted(PACKAGE.parent.glob("*.py")), ids=lambda path: path.stem)
def test_scripts_are_short(path):
    assert len(path.read_text().splitlines()) <= 50
