"""Records and machine files of earlier formats, as the newest format has them. They are read for ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainmark.ingest.bad_files import BadFileError
from trainmark.machine import energy, meters
from trainmark.records.record import OK

# What format 3 has added to a record's noise.
NOISE_SINCE_3: tuple[str, ...] = (
    "fit_other_cpu_seconds",
    "fit_throttle_events",
    "power_source",
    "low_power_mode",
    "thermal_pressure",
)
NOISE_SINCE_3 += tuple(f"fit_{kind}_pressure_seconds" for kind in ("cpu", "memory", "io"))
NOISE_SINCE_3 += ("gpu_temperature_celsius", "gpu_clock_hertz", "gpu_throttle_shares", "gpu_processes_before")
NOISE_SINCE_3 += ("cool_down_seconds",)


@dataclass(frozen=True)
class Upgrade:
    """How a file becomes one of the next format.

    Attributes:
        added: fields that the next format has and this one has not; an older file that holds one is none.
        make: the file's content anew, but for the number of the format.
    """

    added: tuple[str, ...]
    make: Callable[[dict[str, Any]], dict[str, Any]]


def _format_4(data: dict[str, Any]) -> dict[str, Any]:
    """A record of format 3 as one of format 4. Its energy may hold that of a device that did not train."""
    found = {**data, "gpu": None}
    found["environment"] = {**data["environment"], "dropped_variables": None}
    found["noise"] = {**data["noise"], "suspended_seconds": None, "clock_jump_seconds": None}
    if data["status"] == OK:
        found["execution"] = {**data["execution"], "image_data_format": None, "optimizer_operations": None}
    old = data["energy"]
    foreign = {"cpu": meters.BOARD, "gpu": meters.PACKAGE}.get(data["device"])
    counts = [part["joules"] is not None and part["scope"] != foreign for part in old["domains"]]
    domains = [{**part, "counted": each} for part, each in zip(old["domains"], counts)]
    if old["joules"] is None:
        found["energy"] = {**old, "idle_reason": old["reason"], "domains": domains}
    else:
        found["energy"] = energy.total(domains, data["device"], old["window_seconds"], old["idle_seconds"])
    return found


def _format_6(data: dict[str, Any]) -> dict[str, Any]:
    """A record of format 5, which TensorFlow made, as one of format 6."""
    versions, found = dict(data["versions"]), {**data}
    if "tensorflow" in versions:
        metal = versions.pop("tensorflow_metal")
        made_with = {"framework": "tensorflow", "framework_version": versions.pop("tensorflow")}
        found["versions"] = {**made_with, "plugin": metal and f"tensorflow-metal {metal}", **versions}
    if data["status"] == OK:
        found["execution"] = {**data["execution"], "always_compiled": False}
    return found


# The energy of records of formats 1 and 2, as format 3 has it.
_UNMEASURED_BEFORE_3 = {
    key: value for key, value in energy.unmeasured("records of this format hold none").items() if key != "idle_reason"
}
# Format of a record -> how it becomes one of the next format.
UPGRADES = {
    1: Upgrade(("identity",), lambda data: {**data, "identity": {"machine_id_hash": None, "hardware": None}}),
    2: Upgrade(
        ("control", "energy", "peak_device_memory_bytes", *(f"noise.{name}" for name in NOISE_SINCE_3)),
        lambda data: {
            **data,
            "control": None,
            "noise": {**dict.fromkeys(NOISE_SINCE_3), **data["noise"]},
            "energy": _UNMEASURED_BEFORE_3,
            "peak_device_memory_bytes": None,
        },
    ),
    3: Upgrade(
        (
            "gpu",
            "environment.dropped_variables",
            "execution.image_data_format",
            "execution.optimizer_operations",
            "noise.suspended_seconds",
            "noise.clock_jump_seconds",
            "energy.idle_reason",
        ),
        _format_4,
    ),
    4: Upgrade(("previous",), lambda data: {**data, "previous": None}),
    5: Upgrade(
        ("versions.framework", "versions.framework_version", "versions.plugin", "execution.always_compiled"), _format_6
    ),
}


def _upgrade_machine(data: dict[str, Any]) -> dict[str, Any]:
    """A machine file of format 1 as one of format 2."""
    cores = dict(data["cores"])
    levels = {kind: cores.pop(kind) for kind in ("performance", "efficiency")}
    known = {kind: count for kind, count in levels.items() if count is not None}
    gpus = [{**gpu, "compute_capability": None, "mig_profile": None} for gpu in data["gpus"]]
    return {**data, "cores": {**cores, "levels": known or None}, "gpus": gpus}


# The same of machine files.
MACHINE_UPGRADES = {1: Upgrade(("cores.levels",), _upgrade_machine)}


def upgrade(data: dict[str, Any], upgrades: Mapping[int, Upgrade]) -> dict[str, Any]:
    """The content of an older file as the newest format has it.

    Raises:
        BadFileError: if it does not follow its own format.
    """
    while (version := data["format_version"]) in upgrades:
        for name in upgrades[version].added:
            part, _, key = name.rpartition(".")
            inside = data.get(part) if part else data
            if isinstance(inside, dict) and key in inside:
                raise BadFileError(
                    f"does not follow its schema: it has {name}, which formats up to {version} do not have"
                )
        try:
            data = {**upgrades[version].make(data), "format_version": version + 1}
        except KeyError as missing:
            raise BadFileError(f"does not follow its schema: it has no {missing.args[0]}") from None
        except (TypeError, AttributeError, ValueError, ArithmeticError):
            raise BadFileError(
                f"does not follow its schema: a part does not have the form that format {version} has"
            ) from None
    return data
