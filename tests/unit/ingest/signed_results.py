"""Results as their users pack and sign them, and what merging them says. All records are synthetic."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from trainmark.analysis import collecting, table_files
from trainmark.ingest import merge_lines, merging, packing, signing
from trainmark.report.sections import details

from tests import report
from tests.conftest import synthetic_machine, synthetic_record
from tests.unit.ingest.conftest import SCHEMAS, TARGET, snapshot, write

OTHER_ID = {"machine_id_hash": "1" * 32, "hardware": synthetic_record()["identity"]["hardware"]}
RESULTS = TARGET.parent
NO_ID = OTHER_ID | {"machine_id_hash": None}


def results(top: Path, machine: str = "synthetic", repeats=(1, 2), described: bool = True, **changes) -> Path:
    """A machine's results below a folder of its own."""
    for repeat in repeats:
        write(synthetic_record(machine=machine, repeat=repeat, seed=2023 + repeat, **changes), top)
    if described:
        data = synthetic_machine(machine)
        data["machine_id_hash"] = changes.get("identity", data)["machine_id_hash"]
        (top / machine / "machine.json").write_text(json.dumps(data))
    return top


def pack(top: Path, user: str | None = "alice", machine: str = "synthetic") -> Path:
    """An archive as a user packs it; None for one without signature."""
    output = Path(f"{top}-{user}-{machine}.tar.gz")
    if user is None:
        packing.pack(machine, top, SCHEMAS, output)
        return output
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(Path(user).absolute()))
        signer = signing.Signer()
        packing.pack(machine, top, SCHEMAS, output, signer.sign)
    assert "signed by SHA256:" in signer.said[-1]
    return output


def key_of(user: str) -> str:
    path = Path(user, "trainmark/signing_key")
    shown = subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, text=True, check=True)
    return shown.stdout.split()[1]


def merge(*sources: Path, **options) -> merging.Merge:
    return merging.bring_in(list(sources), TARGET, SCHEMAS, **options)


def said(*sources: Path, **options) -> str:
    return "\n".join(merge_lines.lines(merge(*sources, **options)))


def refusal(*sources: Path, **options) -> str:
    before = snapshot(RESULTS)
    found = merge(*sources, **options)
    assert not found.written
    assert snapshot(RESULTS) == before
    (problem,) = found.problems
    return str(problem)


def table() -> dict[str, dict]:
    """The report's table of where the records come from, without the rest of the report."""
    collecting.collect(Path.cwd() / TARGET, SCHEMAS, Path.cwd(), skip_bad=True, gate=report.WITHOUT_REFERENCES)
    data = SimpleNamespace(tables={"origins": table_files.read(Path.cwd(), "origins")}, own={report.GRID["machine"]})
    (shown,) = details.origins(data).tables
    return {row["machine"]: row for row in shown.rows}
