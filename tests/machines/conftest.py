"""Imitated machines in which the workflow runs; see README.md beside this file."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from trainmark.machine import hardware

from tests.integration.conftest import Checkout, copy_project, pretend, run_once
from tests.machines import environments, runs
from tests.machines.runs import Imitate, Machine

HERE = Path(__file__).parent
# Machines that run at the same time. Each has its own lock, and mostly one of its processes works.
AT_ONCE = 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Machines can be imitated on Linux alone, with the packages for a machine without a GPU."""
    if hardware.platform_tag() != "linux-64":
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="machines are imitated on Linux on x86-64 without a GPU"))


@pytest.fixture(scope="session")
def imitate(tmp_path_factory, data_folder) -> Imitate:
    """Makes a machine of a description from ``macs`` and ``boxes``; ``variables`` are its user's shell's.

    All users share a home, which is new, so that nothing of the real one counts; but for those who name another. On a
    machine that ``pretends``, nothing takes TensorFlow.
    """
    home = tmp_path_factory.mktemp("home")

    def make(description: dict, pretends: bool = False, **variables: str) -> Machine:
        folder = copy_project(tmp_path_factory.mktemp("machine") / "checkout", data_folder)
        python = environments.build(folder / ".venv", description)
        shell = {"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8", "USER": "user"}
        checkout = Checkout(folder, python=str(python), environment={**shell, **description["variables"], **variables})
        machine = Machine(checkout, lambda: pretend(folder, run_once(tmp_path_factory, data_folder)[0]))
        if pretends:
            machine.pretend()
        return machine

    return make


@pytest.fixture(scope="session")
def running(request, imitate) -> Iterator[Callable[[str], Machine]]:
    """Gives a machine by its name in ``runs``, once it has run; all that a group of tests is about start together."""
    pool = ThreadPoolExecutor(AT_ONCE)
    started: dict[str, Future] = {}

    def give(name: str) -> Machine:
        if name not in started:
            for each in wanted_beside(name, request.session.items):
                started[each] = pool.submit(getattr(runs, each), imitate)
        return started[name].result()

    yield give
    pool.shutdown(cancel_futures=True)


def wanted_beside(name: str, items: list[pytest.Item]) -> list[str]:
    """The machines of the tests that one process runs with those of a machine, in their order."""
    names, groups = {}, set()
    for item in items:
        group = item.get_closest_marker("xdist_group").args[0]
        of_item = [each for mark in item.iter_markers("machine") for each in mark.args]
        names.setdefault(group, {}).update(dict.fromkeys(of_item))
        groups |= {group} if name in of_item else set()
    return list(dict.fromkeys(each for group in groups for each in names[group]))


@pytest.fixture
def machine(request, running) -> Machine:
    """The machine that the test's mark names."""
    (name,) = request.node.get_closest_marker("machine").args
    return running(name)
