"""The configuration: checked whole, before anything runs, and turned into the grid."""

from __future__ import annotations

import copy
import difflib
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema

from trainmark import patterns, stacks
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites
from trainmark.machine import gpus
from trainmark.machine.gpus import Gpu
from trainmark.planning import nodes, ssh_machines, strict_yaml
from trainmark.planning.strict_yaml import Layer

# A path into the configuration: the keys and list indices that lead to a value.
KeyPath = tuple[Any, ...]


@dataclass(frozen=True)
class Problem:
    """One value that cannot be used."""

    path: KeyPath
    found: Any
    expected: str
    unknown_key: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What the configuration is checked against.

    Attributes:
        use_conda: whether each rule runs in its pinned conda environment.
        installed_stacks: the pinned stacks that are installed beside Snakemake: mostly one, or none.
        gpus: those that can train here.
        platform: as ``hardware.platform_tag`` gives it.
        virtual_mac: whether this is macOS in a virtual machine, which has no GPU of its own.
        unpinned: what is installed beside Snakemake and can be timed though no lock pins it.
        macos: its version, as 14.5; None elsewhere.
    """

    use_conda: bool
    installed_stacks: Sequence[str]
    gpus: Sequence[Gpu]
    platform: str | None
    virtual_mac: bool = False
    unpinned: Sequence[str] = ()
    macos: str | None = None

    @property
    def installed_stack(self) -> str | None:
        """The stack beside Snakemake that is timed where none is named."""
        return next(iter(self.installed_stacks), None)

    @property
    def available(self) -> Sequence[str]:
        """The stacks that can be timed without conda."""
        return (*self.installed_stacks, *self.unpinned)


def typed_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of ``--config`` that Snakemake leaves as texts: numbers in lists, ``true`` and ``false``."""

    def typed(value: Any) -> Any:
        if isinstance(value, list):
            return [_number(item) if isinstance(item, str) else item for item in value]
        return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value

    return {key: typed(value) for key, value in values.items()}


def _number(text: str) -> int | float | str:
    """The number that a text is, written as people do; any other text as it is."""
    if re.fullmatch("0|[1-9][0-9]{0,18}", text):
        return int(text)
    return float(text) if re.fullmatch(r"[0-9]+\.[0-9]+", text) else text


def check(
    config: Mapping[str, Any], schema: Mapping[str, Any], layers: list[Layer], here: Surroundings
) -> dict[str, Any]:
    """Refuse a configuration that cannot be run.

    Args:
        config: the merged configuration.
        schema: workflow/schemas/config.schema.yaml.
        layers: where the values come from, later ones overriding earlier ones.
        here: what this machine and this command offer.

    Returns:
        The configuration as all else is to use it: numbers that may have a fraction are floats, as records hold them.

    Raises:
        TrainmarkError: naming every problem at once, each with file and line, key, value found and values allowed.
    """
    schema = with_suites(schema, config)
    _list_of(schema["properties"]["stacks"])["items"]["enum"] = [*stacks.names(), stacks.INSTALLED, *here.unpinned]
    fleet, by_ssh = schema["properties"]["fleet"], schema["$defs"]["by_ssh"]
    for each in (fleet["additionalProperties"], by_ssh):
        each["properties"]["stacks"]["items"]["enum"] = list(stacks.names())
    fleet["properties"] = dict.fromkeys(ssh_machines.named(config.get("fleet")), by_ssh)
    problems = list(schema_problems(config, schema))
    broken = {problem.path[0] for problem in problems if problem.path}
    problems += text_problems({key: value for key, value in config.items() if key not in broken})
    problems += cross_problems(config, here, broken)
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)}"
        lines = [describe(problem, layers) for problem in problems]
        raise TrainmarkError(f"The configuration has {count}; nothing was run.\n" + "\n".join(lines))
    fractions = {key for key, value in schema["properties"].items() if value.get("type") == "number"}
    return {key: float(value) if key in fractions else value for key, value in config.items()}


def with_suites(schema: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a configuration with the names of the suites, and of its suite's models."""
    named = copy.deepcopy(dict(schema))
    named["properties"]["suite"]["enum"] = list(suites.NAMES)
    suite = suites.named(config["suite"]) if config.get("suite") in suites.NAMES else None
    named["properties"]["models"]["items"]["enum"] = list(suite.models) if suite else suites.models()
    return named


def _list_of(schema: Mapping[str, Any]) -> Any:
    """Of a schema that allows "auto" or a list, that of the list."""
    return next(option for option in schema["anyOf"] if option.get("type") == "array")


def text_problems(value: Any, path: KeyPath = ()) -> list[Problem]:
    """Texts, keys among them, that neither Snakemake nor a terminal can take."""
    if isinstance(value, Mapping):
        return [p for key, each in value.items() for p in text_problems(each, (*path, key))]
    if isinstance(value, list):
        return [p for number, each in enumerate(value) for p in text_problems(each, (*path, number))]
    if isinstance(value, str) and set(value) & set("{}"):
        return [Problem(path, value, "a text without { and }, which Snakemake takes for wildcards")]
    if isinstance(value, str) and (strict_yaml.unprintable(value) or set(value) & set("\n\t")):
        return [Problem(path, value, "a text on one line, of characters that can be printed")]
    return []


def _is_whole(_: Any, value: Any) -> bool:
    """Whether a value is a whole number; 1.0 is one for JSON schema, and another text in a record."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(checker: Any, value: Any) -> bool:
    """Whether a value is a number that can be compared; NaN and infinity pass any limit or none."""
    return _is_whole(checker, value) or (isinstance(value, float) and math.isfinite(value))


_TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_whole, "number": _is_finite})


def _match(validator: Any, pattern: str, value: Any, schema: Mapping[str, Any]) -> Iterator[jsonschema.ValidationError]:
    """The keyword ``pattern``; arguments as jsonschema gives them."""
    if validator.is_type(value, "string") and not re.search(patterns.to_python(pattern), value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


_Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": _match}, type_checker=_TYPES
)


def schema_problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Problem]:
    """Every violation of the schema, in the order of the configuration's keys."""
    problems = [p for error in _Validator(schema).iter_errors(config) for p in _problems_of(error)]
    order = list(config)
    return sorted(
        problems, key=lambda p: (order.index(p.path[0]) if p.path and p.path[0] in order else -1, str(p.path))
    )


def _problems_of(error: Any) -> list[Problem]:
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        return [
            Problem((*path, key), value, _known_keys(key, known), unknown_key=True)
            for key, value in error.instance.items()
            if key not in known
        ]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        expected = [Problem((*path, key), None, expectation(error.schema["properties"][key])) for key in missing]
        # iter_errors gives one such error for each missing key
        return [p for p in expected if f"'{p.path[-1]}' is a required" in error.message]
    if error.validator == "anyOf" and isinstance(error.instance, list):
        inner = [e for e in error.context if e.absolute_path != error.absolute_path]
        if inner:  # the list is the right form; one of its items is wrong
            return [p for e in inner for p in _problems_of(e)]
    return [Problem(path, error.instance, expectation(error.schema))]


def _known_keys(key: str, known: Mapping[str, Any]) -> str:
    guesses = difflib.get_close_matches(str(key), known, n=1)
    hint = f"did you mean {guesses[0]!r}? " if guesses else ""
    return f"{hint}The keys are {', '.join(known)}"


def expectation(schema: Mapping[str, Any]) -> str:
    """The values that a schema allows, in words."""
    if "x-expected" in schema:
        return str(schema["x-expected"])
    if "anyOf" in schema:
        return " or ".join(expectation(option) for option in schema["anyOf"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = schema.get("type", "value")
    if kind == "array":
        return f"a list without duplicates, in square brackets, each item {expectation(schema['items'])}"
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "string": "a text",
    }.get(kind, f"a {kind}")
    if "exclusiveMinimum" in schema:
        words += f" above {schema['exclusiveMinimum']}"
    if "minimum" in schema and "maximum" in schema:
        words += f" from {schema['minimum']:g} to {schema['maximum']}"
    return words


def cross_problems(config: Mapping[str, Any], here: Surroundings, broken: set[Any]) -> list[Problem]:
    """What no schema can say: values that contradict each other, this machine, or this command.

    Args:
        config: the merged configuration.
        here: what this machine and this command offer.
        broken: keys whose values are wrong in themselves and are not looked at again.
    """
    problems = list(_data_problems(config, broken)) if "suite" not in broken else []
    if not broken & {"fleet", "machine", "gpu", "stacks", "devices"}:
        problems += [Problem(*fault) for fault in nodes.faults(config, here.use_conda)]
    if "fleet" not in broken and not config["fleet"]:
        problems += _problems_here(config, here, broken)
    if "comparisons" not in broken:
        problems += _comparison_problems(config["comparisons"])
    return problems


def _problems_here(config: Mapping[str, Any], here: Surroundings, broken: set[Any]) -> Iterator[Problem]:
    """What this machine does not have; arguments as for ``cross_problems``, of a configuration without a fleet."""
    if "devices" not in broken and config["devices"] != "auto" and "gpu" in config["devices"] and not here.gpus:
        expected = (
            "[cpu] or auto. No GPU was found: expected that of a Mac with Apple Silicon, or an NVIDIA GPU that "
            "'nvidia-smi' shows"
        )
        yield Problem(("devices",), config["devices"], expected)
    if "gpu" not in broken and config["gpu"] != gpus.AUTO and len(gpus.named(here.gpus, config["gpu"])) != 1:
        yield Problem(("gpu",), config["gpu"], gpus.expectation(here.gpus))
    if "stacks" not in broken and stacks.INSTALLED in config["stacks"]:
        yield from _installed_problems(config["stacks"].index(stacks.INSTALLED), here)


def _data_problems(config: Mapping[str, Any], broken: set[Any]) -> Iterator[Problem]:
    """More samples than the suite's data set has."""
    data = suites.of(config).data
    if not broken & {"train_samples", "validation_samples"}:
        train, validation = config["train_samples"], config["validation_samples"]
        if train + validation > data.train_images:
            expected = f"a number that is at most {data.train_images} together with train_samples, {train}"
            yield Problem(("validation_samples",), validation, expected)
    if "test_samples" not in broken and config["test_samples"] > data.test_images:
        expected = f"a number that is at most {data.test_images}, the test images of {data.title}"
        yield Problem(("test_samples",), config["test_samples"], expected)


def _installed_problems(place: int, here: Surroundings) -> Iterator[Problem]:
    """What speaks against timing what is installed."""
    if here.use_conda:
        expected = "a pinned stack: with --use-conda, nothing is timed that is installed beside Snakemake"
    elif not here.unpinned:
        expected = (
            "a pinned stack: beside Snakemake there is no "
            f"{' and no '.join(each[0] for each in stacks.framework_packages().values())} with Keras ({sys.executable})"
        )
    else:
        return
    yield Problem(("stacks", place), stacks.INSTALLED, expected)


def _comparison_problems(comparisons: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """What no schema can say of comparisons."""
    problems = []
    names = [each["name"] for each in comparisons]
    for number, each in enumerate(comparisons):
        if each["candidate"] == each["baseline"]:
            problems.append(Problem(("comparisons", number), each, "a candidate that is not the baseline"))
        if each["name"] in names[:number]:
            problems.append(
                Problem(("comparisons", number, "name"), each["name"], ("a name that no other comparison has"))
            )
    return problems


def describe(problem: Problem, layers: list[Layer]) -> str:
    """A problem as its reader meets it: file and line, key, value found, values allowed."""
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.path).lstrip(".")
    where = locate(problem.path, layers)
    if problem.unknown_key:
        return f"  - {where}: unknown key {key!r} (value {show(problem.found)}): {problem.expected}."
    found = "is missing" if where == _NOWHERE else f"is {show(problem.found)}"
    return f"  - {where}: {key} {found}; expected {problem.expected}."


_NOWHERE = "in no file"
_LONGEST_SHOWN = 200


def show(value: Any) -> str:
    """A value as it would be written in YAML, on one line."""
    try:
        text = json.dumps(value, default=str)
    except (ValueError, RecursionError):  # a list within itself
        text = "a value that holds itself"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def locate(path: KeyPath, layers: list[Layer]) -> str:
    """File and line of the value that counts: the last layer that sets the key."""
    for layer in reversed(layers):
        if path and path[0] in layer.values:
            line = layer.line_of(path)
            return f"{layer.name}, line {line}" if line else layer.name
    return _NOWHERE
