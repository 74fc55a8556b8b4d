"""The files of claims and of hardware that a user may add to: checked whole, before anything runs."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from trainmark import files, layers
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites
from trainmark.planning import claim_files, config, strict_yaml, suite_files
from trainmark.planning.config import Problem
from trainmark.planning.strict_yaml import Layer


def check_once(claims: list[str], hardware: list[str], references: str, schemas: Path, passed: Path) -> None:
    """The same as ``check``, but for files that have passed it as they are: every command waits for it, also on nodes.

    Args:
        claims: as for ``check``, like the next three.
        hardware: see there.
        references: see there.
        schemas: see there.
        passed: keeps the digest of the files that have passed, and of the code that has checked them.

    Raises:
        TrainmarkError: as ``check`` does.
    """
    try:
        of_files = files.digests([references, *hardware, *claims, *map(str, sorted(schemas.iterdir()))])
    except OSError:
        check(claims, hardware, references, schemas)  # says which is missing
        return
    text = repr([*of_files.items(), layers.code_digest("planning")])
    digest = hashlib.sha256(text.encode()).hexdigest()
    with contextlib.suppress(OSError):
        if passed.read_text() == digest:
            return
    check(claims, hardware, references, schemas)
    passed.parent.mkdir(parents=True, exist_ok=True)
    files.write_whole(passed, digest)


def check(claims: list[str], hardware: list[str], references: str, schemas: Path) -> None:
    """Refuse ledgers that cannot be used.

    Args:
        claims: files like config/claims/article.yaml.
        hardware: files like config/hardware.yaml.
        references: a file like config/references.yaml; those of other suites beside it are checked, too.
        schemas: the folder of the schemas.

    Raises:
        TrainmarkError: naming every problem at once, each with file and line, key, value found and values allowed.
    """
    for name in suite_files.references(references):
        wrong = _wrong_with_references(strict_yaml.read(name).values)
        if wrong:
            why = "which the configuration names under references" if name == references else f"beside {references}"
            raise TrainmarkError(f"{name}, {why}, {wrong}; expected a file that 'make references' wrote.")
    lines: list[str] = []
    ids: set[str] = set()
    for name in hardware:
        layer = strict_yaml.read(name)
        problems = config.schema_problems(layer.values, _schema(schemas / "hardware.schema.yaml"))
        if not problems:
            problems = list(_hardware_problems(layer.values))
            entries = [*layer.values.get("chips", []), *layer.values.get("gpus", [])]
            ids |= {entry[key] for entry in entries for key in ("id", "family") if key in entry}
        lines += [config.describe(problem, [layer]) for problem in problems]
    bad_hardware = bool(lines)  # whose ids are not known, so that nothing is said of them
    taken: set[str] = set()
    for name in claims:
        layer = _claims(name)
        problems = config.schema_problems(layer.values, _schema(schemas / "claims.schema.yaml"))
        if not problems:
            named = {key: layer.values.get(key, []) for key in ("claims", "tables")}
            problems = [problem for key in named for problem in _doubles(named[key], key, taken)]
            problems += claim_files.problems(layer.values, None if bad_hardware else ids)
            taken |= {entry["id"] for each in named.values() for entry in each}
        lines += [config.describe(problem, [layer]) for problem in problems]
    if lines:
        count = f"{len(lines)} problem{'s' * (len(lines) > 1)}"
        raise TrainmarkError(f"Claims and hardware have {count}; nothing was run.\n" + "\n".join(lines))


def _claims(name: str) -> Layer:
    """A file of claims; who names the one that there was before is told where its claims are."""
    if name in claim_files.MOVED and not Path(name).exists():
        raise TrainmarkError(
            f"{name}, which the configuration names under claims, is now {claim_files.MOVED[name]}. Name these "
            "files, as config/config.yaml does, and your own behind them."
        )
    return strict_yaml.read(name)


def _wrong_with_references(values: Mapping[str, Any]) -> str | None:
    """What keeps a file of references from being one, or None: accuracies by model, batch size, run and epoch."""
    if not {"settings", "accuracy"} <= values.keys():
        return "lacks settings or accuracy"
    settings, accuracy = values["settings"], values["accuracy"]
    if not isinstance(settings, dict) or not isinstance(accuracy, dict):
        return "has settings or accuracy without keys"
    for model, sizes in accuracy.items():
        if not isinstance(sizes, dict) or not all(type(size) is int for size in sizes):
            return f"has no batch sizes under accuracy, {strict_yaml.shown(str(model))}"
        for size, runs in sizes.items():
            several = isinstance(runs, list) and len(runs) > 1 and all(isinstance(run, list) and run for run in runs)
            if not several or len({len(run) for run in runs}) > 1:
                return (
                    "needs several runs with the same number of epochs under accuracy, "
                    f"{strict_yaml.shown(str(model))}, {size}"
                )
            if not all(isinstance(value, float | int) and 0 <= value <= 1 for run in runs for value in run):
                return f"has an accuracy that is not from 0 to 1 under {strict_yaml.shown(str(model))}, {size}"
    return None


@functools.cache  # once for all files of claims: every command waits for it
def _schema(path: Path) -> dict[str, Any]:
    schema: dict[str, Any] = yaml.load(path.read_text(), Loader=strict_yaml.LOADER)
    if "claims" in schema["properties"]:
        cells = schema["properties"]["claims"]["items"]["properties"]["cells"]
        cells["properties"]["models"]["items"]["enum"] = suites.models()
    return schema


def _hardware_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What no schema can say: ids that are taken, sources that are not there, expressions that are none."""
    for section in ("chips", "gpus"):
        entries = values.get(section, [])
        yield from _doubles(entries, section)
        for number, entry in enumerate(entries):
            for key, figure in entry.items():
                if isinstance(figure, dict) and "source" in figure and figure["source"] not in values["sources"]:
                    path = (section, number, key, "source")
                    yield Problem(path, figure["source"], f"one of the sources: {', '.join(values['sources'])}")
            for key, wanted in entry["match"].items():
                if isinstance(wanted, str) and not _is_expression(wanted):
                    yield Problem((section, number, "match", key), wanted, "a regular expression")


def _doubles(entries: list[Mapping[str, Any]], section: str, taken: Collection[str] = ()) -> Iterator[Problem]:
    counts = Counter(entry["id"] for entry in entries)
    for number, entry in enumerate(entries):
        if counts[entry["id"]] > 1 or entry["id"] in taken:
            yield Problem((section, number, "id"), entry["id"], "an id that no other entry has")


def _is_expression(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True
