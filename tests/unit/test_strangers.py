"""Whatever the texts of a record hold, a report of it is as harmless as one of plain words, wherever it is read."""

import copy
import csv
import html.parser
import json
import random
from pathlib import Path

import pytest
from trainmark import terminal
from trainmark.analysis import collecting, convergence
from trainmark.errors import TrainmarkError
from trainmark.ingest import file_reader, yaml_file
from trainmark.ingest.bad_files import BadFileError
from trainmark.machine import hardware

from tests import report
from tests.conftest import ROOT, failed_record, path_of, synthetic_grid, synthetic_machine, synthetic_record
from tests.unit.conftest import times
from tests.unit.test_escaping import PIECES, is_control, tokens_of

SCHEMAS = ROOT / "workflow/schemas"
MACHINES = ["synthetic-a", "synthetic-b"]


def free_texts(schema: dict, data, path: tuple = ()):
    """Where in a file there may be any text: the path to each such value, or to each object with such keys."""
    kinds = schema.get("type", [])
    if "string" in kinds and not {"pattern", "enum", "const"} & schema.keys():
        yield path
    for key, inner in schema.get("properties", {}).items():
        if isinstance(data, dict) and key in data:
            yield from free_texts(inner, data[key], (*path, key))
    if isinstance(schema.get("items"), dict):
        for position, item in enumerate(data if isinstance(data, list) else []):
            yield from free_texts(schema["items"], item, (*path, position))
    if isinstance(schema.get("additionalProperties"), dict) and isinstance(data, dict) and data:
        yield (*path, "{}")


def put(data: dict, path: tuple, text: str) -> None:
    """Put a text into its place; ``{}`` is a key."""
    for key in path[:-2] if path[-1] == "{}" else path[:-1]:
        data = data[key]
    if path[-1] == "{}":
        data[path[-2]] = {text: next(iter(data[path[-2]].values()))}
    else:
        data[path[-1]] = text


def accepted(data: dict, kind: str, where: str, text_of) -> set[tuple]:
    """The places of a record or machine file at which its reader takes the text for that place."""
    reader, found = file_reader.Reader(SCHEMAS), set()
    schema = yaml_file.read(SCHEMAS / f"{kind}.schema.yaml")
    for path in free_texts(schema, data):
        changed = copy.deepcopy(data)
        put(changed, path, text_of(kind, path))
        try:
            reader.result(where, json.dumps(changed).encode())
        except BadFileError:
            continue
        found.add(path)
    return found


def made(folder: Path, text_of) -> report.Report:
    """A report of records and machine files with the same text at the same place of each."""
    records = [r for r in synthetic_grid(MACHINES, times) if r["repeat"] < 3 and r["batch_size"] in (32, 1024)]
    records += [failed_record(machine=name, repeat=9, device=device) for name in MACHINES for device in ("cpu", "gpu")]
    machines = {name: synthetic_machine(name) for name in MACHINES}
    for name, data in machines.items():
        for path in accepted(data, "machine", f"{name}/machine.json", text_of):
            put(data, path, text_of("machine", path))
    places = {}
    for data in records:
        where = str(path_of(data).relative_to("results/machines"))
        kind = (data["status"], data["device"])
        if kind not in places:
            places[kind] = accepted(data, "record", where, text_of)
        for path in places[kind]:
            put(data, path, text_of("record", path))
        data["identity"]["hardware"] = hardware.signature(machines[data["machine"]])
    assert {("reason",), ("code", "version")} <= places["killed", "cpu"]
    assert ("versions", "operating_system") in places["ok", "gpu"]
    for name, data in machines.items():
        path = folder / "results/machines" / name / "machine.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(data))
    bad = synthetic_record(machine="synthetic-a", repeat=8)
    path = folder / path_of(bad)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(bad | {text_of("key") + "\n\x1b": 1}))
    path.with_name(text_of("name").replace("/", "").replace("\0", "") + "\n\x1b.json").write_text("{}")
    return report.make(records, folder, draw=False)


class Tags(html.parser.HTMLParser):
    """The tags of a page, each with the names of its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, [name for name, _ in attrs]))

    def handle_endtag(self, tag):
        self.found.append(tag)


def texts_of(seed: int):
    """A hostile text for each place, the same each time."""

    def text_of(*place) -> str:
        dice = random.Random(f"{seed} {place}")
        return "".join(dice.choices(PIECES, k=dice.randint(1, 5))).replace("\udcff", "")

    return text_of


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return made(tmp_path_factory.mktemp("plain"), lambda *place: "word")


@pytest.mark.parametrize("seed", range(4))
def test_hostile_texts_change_no_kind_of_report(plain, tmp_path, seed, capsys):
    text_of = texts_of(seed)
    hostile = made(tmp_path, text_of)

    assert Tags(hostile.html).found == Tags(plain.html).found
    assert not [c for c in hostile.html if is_control(c) and c != "\n"]

    kinds = [[t.type for t in tokens_of(r.markdown) if t.type not in ("text", "code_inline")] for r in (hostile, plain)]
    assert kinds[0] == kinds[1]
    assert not [c for c in hostile.markdown if is_control(c) and c != "\n"]

    for path in tmp_path.glob("*.csv"):
        with path.open(newline="") as file:
            for row in csv.reader(file):
                for cell in row:
                    assert cell[:1] not in tuple("=+-@\t\r") or float(cell), (path, cell)

    gate = convergence.Gate(None, 0.001)
    with pytest.raises(TrainmarkError) as refused:
        collecting.collect(tmp_path / "results/machines", SCHEMAS, tmp_path, skip_bad=False, gate=gate)
    assert len(str(refused.value).split("\n")) == 3
    terminal.say(*str(refused.value).split("\n"))
    said = capsys.readouterr().out
    assert said.count("\n") == 3
    assert not [c for c in said if is_control(c) and c != "\n"]
