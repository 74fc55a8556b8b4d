"""Tests of trainmark.planning.strict_yaml: what people write, and what strangers do."""

import os

import pytest
from trainmark.errors import TrainmarkError
from trainmark.planning import strict_yaml

from tests.conftest import ROOT

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefghi", "bcdefghij")
)


def read(folder, text: str | bytes) -> dict:
    path = folder / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return dict(strict_yaml.read(str(path)).values)


REFUSED = {
    "key twice": ("a: 1\nb: 2\na: 3\n", "line 3: 'a' is here a second time, after line 1; remove one"),
    "inner key twice": ("x:\n  - {a: 1, a: 1}\n", "line 2: 'a' is here a second time"),
    "octal": ("a: 017\n", "line 1: YAML may read '017' as something else; write a whole number as 15"),
    "clock": ("\na: 1:30\n", "line 2: YAML may read '1:30' as something else"),
    "clock with a fraction": ("a: 1:30.5\n", "YAML may read '1:30.5' as something else; write a number as 0.001"),
    "hexadecimal": ("a: 0x10\n", "YAML may read '0x10' as something else"),
    "binary number": ("a: 0b11\n", "YAML may read '0b11' as something else"),
    "underscore": ("a: [1_000]\n", "YAML may read '1_000' as something else"),
    "underscore in a fraction": ("a: 1_0.5\n", "YAML may read '1_0.5' as something else"),
    "not a number": ("a: .nan\n", "YAML may read '.nan' as something else"),
    "infinity": ("a: [-.inf]\n", "YAML may read '-.inf' as something else"),
    "5,000 digits": (f"a: {'1' * 5000}\n", "as something else; write a whole number"),
    "no": ("a: no\n", "YAML may read 'no' as something else; write true or false"),
    "tilde": ("a: ~\n", "YAML may read '~' as something else; write null"),
    "date": ("a: 2026-01-01\n", "YAML reads '2026-01-01' as a timestamp; put it into quotes"),
    "another kind": ("a: !!binary aGk=\n", "as a binary"),
    "Python": ("a: !!python/object/apply:os.system [touch x]\n", "x.yaml"),
    "tab": ("a:\n\t- 1\n", "line 2: is not YAML (a tab is where only spaces are allowed)"),
    "empty": ("", "holds no keys; expected lines as 'key: value'"),
    "only a comment": ("# nothing\n", "holds no keys"),
    "list": ("- a\n", "holds no keys"),
    "text": ("hello\n", "holds no keys"),
    "bytes": (bytes(range(256)), "line 2: is not UTF-8 text"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "is not UTF-8 text"),
    "deep": (f"a: {'[' * 100_000}", "line 1: is nested too deeply"),
    "deep, with colons": ("? " * 10_000, "is nested too deeply"),
    "deep, by lines": ("".join(f"{' ' * n}a:\n" for n in range(1000)), "line 51: is nested too deeply"),
    "unclosed": ("a: [1\n", "is not YAML (did not find expected ',' or ']')"),
    "two documents": ("a: 1\n---\nb: 2\n", "is not YAML (but found another document)"),
    "keys from elsewhere": ("a: &a {b: 1}\nc: {<<: *a}\n", "line 2: '<<' takes keys from elsewhere"),
    "key that is a list": ("? [a]\n: b\n", "a key is not a text"),
    "NUL": ('a: "x\\0y"\n', "line 1: 'x\\x00y' holds a character that cannot be printed"),
    "escape": ('a: "\\e[31m"\n', "holds a character that cannot be printed"),
    "half a character": ('a: "\\ud800"\n', "x.yaml"),
    "aliases that grow": (BOMB, "its aliases (*name) stand for over 100,000 values"),
    "alias within itself": ("a: &a [*a]\n", "an alias (*name) is inside the value that it names"),
    "unknown alias": ("a: *b\n", "is not YAML (found undefined alias)"),
    "large": ("a: 1\n" + "#" * 2**21, "is too large; expected at most 1,048,576 bytes"),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED)
def test_surprise_is_refused_with_file_and_line(tmp_path, text, expected):
    with pytest.raises(TrainmarkError) as caught:
        read(tmp_path, text)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/x.yaml")
    assert len(str(caught.value)) < 400
    assert not (tmp_path / "x").exists()


def test_every_surprise_is_named_at_once(tmp_path):
    with pytest.raises(TrainmarkError) as caught:
        read(tmp_path, "a: 017\nb: [1:30]\nb: yes\n")
    assert [line.split("x.yaml, ")[1][:7] for line in str(caught.value).splitlines()[1:]] == [
        "line 3:",
        "line 1:",
        "line 2:",
        "line 3:",
    ]


def test_what_is_plain_is_read(tmp_path):
    text = 'a: 1\nb: [-0.5, 1.0e-3, 12]\nc: {d: true, e: "017", f: text with "quotes"}\ng: null\nh:\ni: &x [1]\nj: *x\n'
    assert read(tmp_path, text) == {
        "a": 1,
        "b": [-0.5, 0.001, 12],
        "c": {"d": True, "e": "017", "f": 'text with "quotes"'},
        "g": None,
        "h": None,
        "i": [1],
        "j": [1],
    }


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("pipe", "none", "."):
        with pytest.raises(TrainmarkError, match=r"holds no keys|cannot be read"):
            strict_yaml.read(str(tmp_path / path))


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_the_projects_files_hold_no_surprise(path):
    assert strict_yaml.read(str(path)).values


def test_line_of_a_value_is_found_as_far_down_as_the_path_goes(tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    path.write_text("a: 1\nb:\n  - c: 2\n  - c: 3\n")
    layer = strict_yaml.read(str(path))
    paths = [("a",), ("b",), ("b", 1), ("b", 1, "c"), ("b", 1, "d"), ("b", 7), ("none",), ()]
    assert [layer.line_of(path) for path in paths] == [1, 2, 4, 4, 4, 2, None, None]
    monkeypatch.setattr(strict_yaml.yaml, "compose", None)  # once is enough
    assert layer.line_of(("a",)) == 1
    assert strict_yaml.Layer("--config", None, {"a": 1}).line_of(("a",)) is None
