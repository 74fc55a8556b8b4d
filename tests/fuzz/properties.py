"""What must hold whatever strangers send: it is believed or named, nothing is written elsewhere, nothing breaks."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from trainmark.analysis import collecting, convergence
from trainmark.errors import TrainmarkError
from trainmark.experiment import workloads
from trainmark.ingest import catalogue, file_reader, merging
from trainmark.planning import config, plan, preflight, reference_files, strict_yaml
from trainmark.records import layout, writing

from tests import report, synthetic
from tests.conftest import ROOT, path_of, synthetic_machine, synthetic_record, times_of
from tests.fuzz.strategies import END, MACHINE, START, File

SCHEMAS = ROOT / "workflow/schemas"
PUBLISHED = catalogue.load([ROOT / "config/hardware.yaml"])
READER = file_reader.Reader(SCHEMAS)
CONFIG = (ROOT / "config/config.yaml").read_text()
_CONFIG_SCHEMA = strict_yaml.yaml.load((SCHEMAS / "config.schema.yaml").read_text(), Loader=strict_yaml.LOADER)
_LONGEST_SENTENCE = 4000


def files_below(folder: Path) -> set[str]:
    """Every file, link and other thing that is no folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def check_files(batch: Sequence[File], folder: Path, draw: bool = False) -> tuple[int, int]:
    """Each file is merged and then drawn, or named; and nothing is written but results.

    Args:
        batch: files, each of which becomes that of a machine of its own.
        folder: an empty one, that is left so.
        draw: whether to write the whole page of what was merged, too.

    Returns:
        The numbers of files that were merged and refused.
    """
    theirs, target = folder / "theirs", folder / "results/machines"
    target.mkdir(parents=True)
    synthetic.write_tree([synthetic_record(machine="synthetic-good")], folder)
    paths = []
    for number, file in enumerate(batch):
        name = f"fuzz-{number}"
        paths.append(file.path.replace(MACHINE, name, 1))
        content = file.content.replace(f'"{MACHINE}"'.encode(), f'"{name}"'.encode())
        for old, new in zip((START, END), times_of([number], 20.0).values()):  # else all would be one measurement
            content = content.replace(old.encode(), new.encode())
        _write(theirs / paths[-1], content)
        if number % 2:  # among others of its machine
            beside = synthetic_record(machine=name, repeat=9)
            _write(theirs / Path(*path_of(beside).parts[2:]), json.dumps(beside).encode())
            if "machine.json" not in file.path:
                _write(theirs / name / "machine.json", json.dumps(synthetic_machine(name)).encode())
    before = files_below(folder)
    merge = merging.bring_in([theirs], target, SCHEMAS, skip_bad=True, published=PUBLISHED)
    said = [str(problem) for problem in merge.problems]
    assert all(len(line) < _LONGEST_SENTENCE for line in said)
    for path in paths:
        machine = path.partition("/")[0]
        named = any(f"{theirs}: {path}:" in line or f"{theirs}: {machine}:" in line for line in said)
        assert (path in merge.new) != named, (path, said)
    written = {path for path in files_below(folder) - before if writing.OWN not in path}
    assert written == results_of(merge)
    (folder / "tables").mkdir()
    gate = convergence.Gate(None, 0.001)
    assert collecting.collect(target, SCHEMAS, folder / "tables", False, gate, PUBLISHED) == []
    if draw:
        report.make([], folder, draw=False).whole()
    _empty(folder)
    accepted = sum(path in merge.new for path in paths)
    return accepted, len(paths) - accepted


def results_of(merge: merging.Merge) -> set[str]:
    """What a merge has to write: results, and how they came."""
    notes = {f"results/{layout.ORIGINS}/{name}" for name in merge.notes}
    assert bool(notes) == any(layout.RECORD.fullmatch(path) for path in merge.new)
    return notes | {f"results/machines/{path}" for path in merge.new}


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def check_archive(content: bytes, folder: Path) -> bool:
    """An archive is merged, or named; and nothing is written but results.

    Args:
        content: of the archive.
        folder: an empty one, that is left so.

    Returns:
        Whether something of it was merged.
    """
    archive, target = folder / "theirs.tar.gz", folder / "results/machines"
    target.mkdir(parents=True)
    archive.write_bytes(content)
    merge = merging.bring_in([archive], target, SCHEMAS, skip_bad=True, published=PUBLISHED)
    assert merge.new or merge.problems
    assert all(str(problem).startswith(str(archive)) for problem in merge.problems)
    assert all(len(str(problem)) < _LONGEST_SENTENCE for problem in merge.problems)
    written = {path for path in files_below(folder) if writing.OWN not in path}
    assert written == {"theirs.tar.gz", *results_of(merge)}
    assert not [path for path in files_below(folder) if f"{writing.OWN}/pending" in path]
    _empty(folder)
    return bool(merge.new)


def check_configuration(content: bytes, folder: Path) -> bool:
    """A configuration is used, so that the records it makes are read back; or refused with the file's name.

    Args:
        content: of config.yaml.
        folder: that it is written to.

    Returns:
        Whether it can be used.
    """
    path = folder / "config.yaml"
    path.write_bytes(content)
    here = config.Surroundings(False, ("tf-2.19",), (), "linux-64")
    try:
        layer = strict_yaml.read(str(path))
        used = config.check(layer.values, _CONFIG_SCHEMA, [layer], here)
        reference_files.check(used["claims"], used["hardware"], used["references"], SCHEMAS)
        planned = plan.make_plan({**used, "gpu": "auto"}, here)
        preflight.refuse_missing_baseline(planned, config.locate(("baseline",), [layer]))
    except TrainmarkError as error:
        text = str(error)
        assert len(text) < 30 * _LONGEST_SENTENCE
        assert "in no file" in text or str(path) in text or any(str(name) in text for name in _named_files(content)), (
            text
        )
        return False
    for model in used["models"]:
        data = synthetic_record(model=model, workload=planned.workload(model), batch_size=used["batch_sizes"][0])
        if used["epochs"] <= 1000:
            READER.record("/".join(path_of(data).parts[2:]), json.dumps(data).encode())
    assert workloads.digest(planned.workload("mlp"))
    return True


def _named_files(content: bytes) -> list[str]:
    """Files that the configuration names, which may be what is refused."""
    values = strict_yaml.yaml.load(content, Loader=strict_yaml.LOADER)
    return [*values.get("claims", []), *values.get("hardware", []), values.get("references", "")]
