"""What the doctor says of the data set, and of the room on the disks."""

from __future__ import annotations

import contextlib
import io
import math
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainmark.doctor.report_files import GOOD, WARNING, WRONG, Finding
from trainmark.errors import TrainmarkError
from trainmark.experiment import suites
from trainmark.machine import cuda
from trainmark.machine.gpus import Gpu
from trainmark.measure import kernel_cache
from trainmark.records.record import RECORD_BYTES

# What these take, about: what is kept of a data set beside its decoded images; the report; what should be left; what
# the driver compiles for a stack; the log of a run.
_DATA_BYTES, _REPORT_BYTES, _SPARE_BYTES = 35e6, 300e6, 1e9
_COMPILED_BYTES, _LOG_BYTES = 2e9, 32 * 1024


def data_set(plan: Mapping[str, Any]) -> Finding:
    """Whether the suite's data set is there or can be had."""
    data = suites.of(plan).data
    folder = data.folder
    if data.is_decoded(folder):
        return Finding("data set", GOOD, f"{data.title}, decoded and verified, in {folder}.")
    if all(Path(path).exists() for path in data.paths):
        text = f"{folder} does not hold the published data."
        return Finding("data set", WRONG, text, "Remove it; it is then fetched again:", f"rm -r {folder}")
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            _, source = data.obtain(plan["data_folder"] or None, plan["data_download"])
    except TrainmarkError as error:
        return Finding("data set", WRONG, str(error))
    refused = told.getvalue().strip()
    if refused:
        advice = "Remove the refused files."
        return Finding("data set", WARNING, f"{data.title}, verified, from {source}.\n{refused}", advice)
    return Finding("data set", GOOD, f"{data.title}, verified, from {source}.")


def needed_bytes(plan: Mapping[str, Any], gpu: Gpu | None) -> dict[Path, float]:
    """What is still to be written: folder -> bytes, about."""
    here = plan["records_missing"] * (RECORD_BYTES + _LOG_BYTES) + _REPORT_BYTES
    data = suites.of(plan).data
    images = math.prod(data.image_shape) * (data.train_images + data.test_images)
    here += 0 if any(data.folder.glob("*.npy")) else images + _DATA_BYTES
    here += plan["environment_bytes"]
    compiles = [stack for stack in plan["stacks"] if "gpu" in plan["devices"] and cuda.must_compile(stack, gpu)]
    return {Path(): here, **({kernel_cache.cache_folder(): len(compiles) * _COMPILED_BYTES} if compiles else {})}


def disk(needed: Mapping[Path, float]) -> Iterator[Finding]:
    """Whether there is room for what is to be written.

    Args:
        needed: folder -> bytes.
    """
    for folder, size in needed.items():
        names = ".venv .snakemake results" if folder == Path() else shlex.quote(str(folder))
        free = shutil.disk_usage(next(each for each in (folder, *folder.absolute().parents) if each.exists())).free
        place = "this folder" if folder == Path() else folder
        text = f"{free / 1e9:.1f} GB free for {place}, in which a benchmark writes about {size / 1e9:.1f} GB."
        show = "To see what takes the space:", f"du -sh {names}"
        if free < size:
            yield Finding("disk", WRONG, text, *show)
        elif free < size + _SPARE_BYTES:
            yield Finding("disk", WARNING, text, *show)
        else:
            yield Finding("disk", GOOD, text)
