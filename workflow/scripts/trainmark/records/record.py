"""The record of a run: one JSON file, written whole or not at all, never changed afterwards."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainmark import files
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites
from trainmark.experiment.grid import Cell, Run

# The layout of a record. Raise it when a field is added, dropped or changes its meaning.
FORMAT_VERSION = 6
# The layout of the file of a sweep of matrix products.
ROOFLINE_FORMAT = 2
# How a run is measured. Raise it when a change to the timed loop can move the times: runs of different protocols are
# never compared.
PROTOCOL = 1

OK = "ok"
# What the report makes of a run that is ok and did not learn; no record says so, since references may change.
NOT_CONVERGED = "not_converged"
# What the report makes of a run that is ok and trained on invented data: in no comparison, whatever it says.
INVENTED = "invented_data"
# Stopped by its time limit: its record has the epochs that it finished.
TIMED_OUT = "timed_out"
# Every status but ``ok`` is a failure; ``reason`` says more in a sentence.
STATUSES = (OK, "out_of_memory", "nan", "killed", TIMED_OUT, "wrong_device", "error")

RECORD_BYTES = 64 * 1024  # room that a record fits in with hundreds of epochs


@dataclass(frozen=True)
class Record:
    """What one run measured. workflow/schemas/record.schema.yaml describes every field with its unit."""

    format_version: int
    protocol: int
    machine: str
    stack: str
    device: str
    model: str
    batch_size: int
    repeat: int
    control: str | None
    workload: dict[str, Any]
    workload_digest: str
    seed: int
    status: str
    reason: str | None
    log_tail: list[str] | None
    started_at: str
    ended_at: str
    durations: dict[str, Any]
    accuracy: dict[str, Any] | None
    execution: dict[str, Any]
    versions: dict[str, str | None]
    environment: dict[str, Any]
    code: dict[str, str | None]
    identity: dict[str, str | None]
    previous: str | None
    gpu: dict[str, Any] | None
    noise: dict[str, Any]
    energy: dict[str, Any]
    peak_memory_bytes: int | None
    peak_device_memory_bytes: int | None

    @property
    def run(self) -> Run:
        """The run that this is the record of."""
        cell = Cell(self.machine, self.stack, self.device, self.model, self.batch_size)
        return Run(cell, self.repeat, self.control, suites.of(self.workload).name)

    def to_json(self) -> str:
        """The record's text; NaN and infinity, which JSON does not have, are written as null."""
        return json.dumps(_finite(asdict(self)), indent=1, allow_nan=False) + "\n"


# What the workflow asks of this machine's own records, and of what kind it is.
_OWN: dict[str, Any] = {
    "status": str,
    "durations": dict,
    "execution": dict,
    "workload_digest": str,
    "protocol": int,
    "seed": int,
}
_OWN |= {"repeat": int, "reason": (str, type(None))}


def load_own(path: Path) -> dict[str, Any]:
    """A record that this machine wrote, as plain data; ``ingest.file_reader`` reads those of others, and checks them.

    Raises:
        TrainmarkError: if the file is no longer a record.
    """
    with contextlib.suppress(ValueError):
        data = files.read_object(path)
        whole = all(name in data and isinstance(data[name], kind) for name, kind in _OWN.items())
        if whole and (data["status"] != OK or isinstance(data["durations"].get("fit_seconds"), (int, float))):
            return data
    raise TrainmarkError(
        f"{path} was changed or cut off: it is no longer a record. Remove it, or move it away, and give the same "
        "command again: that run is then measured anew."
    )


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value - value != 0:  # true of NaN and the infinities alone
        return None
    return value
