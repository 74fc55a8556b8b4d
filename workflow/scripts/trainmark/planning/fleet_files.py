"""A fleet of all nodes of a partition, as a file that the user reviews and keeps."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from trainmark import words
from trainmark.errors import TrainmarkError
from trainmark.planning import slurm
from trainmark.planning.slurm import ListedNode

# Of a node's generic resources, the first GPUs, with their type where SLURM names it as the configuration can.
_GPU = re.compile(r"(?:^|,)gpu(?::(?P<type>[A-Za-z0-9_.]*[A-Za-z_.][A-Za-z0-9_.]*))?(?=[:,(]|$)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_HEAD = """\
# {count} of the partition {partition}, as sinfo listed them: one machine a node. Review and keep it; nobody else will.
# - A machine's name is in its records, which others may get. Give it another one where a node's own name is private.
# - Nodes that took no jobs have a # before them, and their state behind. A node with several GPUs is asked for one.
# - Where an entry names a GPU that is not NVIDIA's, remove gres and platform: its CPU alone is timed then.
# Every key: config/README.md. To measure them: make fleet FLEET={path}

"""


def of_partition(partition: str, path: Path | None = None) -> str:
    """The text of a configuration whose fleet are the nodes of a partition. Nothing is submitted.

    Args:
        partition: its name.
        path: of the file that it is for, if one was named.

    Returns:
        YAML with comments.

    Raises:
        TrainmarkError: if SLURM does not answer, or knows no node there.
    """
    try:
        found = slurm.nodes(partition)
    except slurm.NoAnswerError as error:
        raise TrainmarkError(
            f"SLURM does not answer. {error}. Give the command where sinfo and sbatch work, as on a login node."
        ) from None
    if not found:
        raise TrainmarkError(
            f"Expected nodes in PARTITION={partition}, found none. The partitions that there are: sinfo --summarize"
        )
    return text_of(found, partition, path)


def text_of(found: Sequence[ListedNode], partition: str, path: Path | None = None) -> str:
    """The same, of the nodes that SLURM has listed.

    Raises:
        TrainmarkError: for a node's name that no configuration can hold.
    """
    lines = [*_lines(found)]
    there = "fleet:" if any(not node.away for node in found) else "fleet: {}"
    head = _HEAD.format(count=words.plural(len(found), "node"), partition=partition, path=path or "<this file>")
    return head + "\n".join([there, *lines]) + "\n"


def write(text: str, path: Path) -> None:
    """Write a new file.

    Raises:
        TrainmarkError: if there is one of that name, which may have been reviewed; it is kept.
    """
    try:
        with path.open("x") as file:
            file.write(text)
    except FileExistsError:
        raise TrainmarkError(
            f"{path} is there already and is kept. Expected the name of a new file, TO=another, or none to see it."
        ) from None


def _lines(found: Sequence[ListedNode]) -> Iterator[str]:
    """An entry a node; names that would be equal get a number."""
    taken: set[str] = set()
    for node in found:
        if not _NAME.fullmatch(node.name):
            raise TrainmarkError(
                f"SLURM names a node {node.name!r}; expected letters, digits, dots, hyphens and underscores. Name that "
                "node by hand, with a constraint in place of its name: config/README.md."
            )
        machine = _machine_name(node.name, taken)
        taken.add(machine)
        how = {"partition": node.partition, "node": node.name}
        if gpu := _GPU.search(node.gres):
            how |= {"gres": f"gpu:{gpu['type']}:1" if gpu["type"] else "gpu:1", "platform": "linux-64-cuda"}
        entry = ", ".join(f"{key}: {_scalar(value)}" for key, value in how.items())
        line = f"{_scalar(machine)}: {{{entry}}}"
        yield f"  # {line}  # {node.state}" if node.away else f"  {line}"


def _machine_name(node: str, taken: set[str]) -> str:
    """A machine's name that is as a node's: lower-case letters and digits, with single hyphens between them."""
    name = "-".join(re.findall(r"[a-z0-9]+", node.lower()))
    name = f"node-{name}" if name == "auto" else name
    numbered = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(each for each in numbered if each not in taken)


def _scalar(text: str) -> str:
    """A text as YAML, in quotes where some reader would take it for something else, as the node 0012 for a number."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text) and yaml.safe_load(text) == text
    return text if plain else json.dumps(text)
