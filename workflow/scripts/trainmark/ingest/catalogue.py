"""Published figures of hardware, looked up for the machines that were measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trainmark.ingest import yaml_file

# Figures that an entry of config/hardware.yaml may have, in the order of the report's columns.
FIGURES = (
    "fp32_tflops",
    "memory_bandwidth_gb_per_s",
    "memory_gb",
    "cores",
    "transistors_billion",
    "power_watts",
    "released",
)
KINDS = {"chips": "chip", "gpus": "gpu"}
# What is published of no hardware.
NOTHING_KNOWN: Mapping[str, Any] = {section: {} for section in KINDS}


def load(paths: Iterable[Path]) -> dict[str, Any]:
    """The files' entries together, their sources in full; of two with one id, the later file's counts."""
    merged: dict[str, Any] = {section: {} for section in KINDS}
    for path in paths:
        data = yaml_file.read(path)
        for section in KINDS:
            for entry in data.get(section, []):
                for figure in set(FIGURES) & set(entry):
                    entry[figure] = {**entry[figure], "source": data["sources"][entry[figure]["source"]]}
                merged[section][entry["id"]] = entry
    return merged


def peaks(catalogue: Mapping[str, Any]) -> dict[str, float]:
    """Id of each GPU, and family of those with one peak -> published FP32 peak, TFLOPS.

    Args:
        catalogue: as ``load`` gives it.
    """
    by_name: dict[str, set[float]] = {}
    for entry in catalogue["gpus"].values():
        if "fp32_tflops" in entry:
            for name in {entry["id"], entry.get("family", entry["id"])}:
                by_name.setdefault(name, set()).add(entry["fp32_tflops"]["value"])
    return {name: next(iter(values)) for name, values in by_name.items() if len(values) == 1}


def matches(entry: Mapping[str, Any], machine: Mapping[str, str]) -> bool:
    """Whether an entry is the hardware of a row of machines.csv, whose values are texts.

    Of several GPUs, as "2 x Tesla T4", a run uses one.
    """
    return all(
        re.fullmatch(rf"(?:\d+ x )?(?:{wanted})", machine[key], re.IGNORECASE)
        if isinstance(wanted, str)
        else machine[key] == str(wanted)
        for key, wanted in entry["match"].items()
    )


def look_up(machines: Iterable[Mapping[str, str]], catalogue: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was published of each machine's processor and GPU.

    Args:
        machines: rows of machines.csv, every value a text.
        catalogue: as ``load`` gives it.

    Returns:
        Rows of specifications.csv: one of the processor, and one of the GPU where there is one. Without ``hardware``
        where nothing is known of it; sources in full.
    """
    rows = []
    for machine in machines:
        for section, kind in KINDS.items():
            if not machine[kind]:
                continue
            entry: Mapping[str, Any] = next((e for e in catalogue[section].values() if matches(e, machine)), {})
            row = {"machine": machine["machine"], "kind": kind, "name": entry.get("name", machine[kind])}
            row["vendor"] = vendor(machine[kind], kind)
            row["hardware"], row["family"] = entry.get("id"), entry.get("family", entry.get("id"))
            for figure in FIGURES:
                if figure in entry:
                    row[figure] = entry[figure]["value"]
                    row[f"{figure}_source"] = entry[figure]["source"]
            rows.append(row)
    return rows


def vendor(name: str, kind: str) -> str:
    """``apple``, or ``nvidia``: no stack of this project trains on another vendor's GPU; empty for other processors."""
    if name.lower().startswith("apple"):
        return "apple"
    return "nvidia" if kind == "gpu" else ""
