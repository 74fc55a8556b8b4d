"""Tests of trainmark.desktop: the address of a page is said always, and it is opened where a desktop can."""

import os
from pathlib import Path

import pytest
from trainmark import desktop


@pytest.fixture
def page(tmp_path) -> Path:
    path = tmp_path / "a folder" / "index.html"
    path.parent.mkdir()
    path.touch()
    return path


def program(folder: Path, name: str, text: str) -> dict[str, str]:
    """Variables with a PATH on which there is one program of ours, which notes what it is given."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / name).write_text(f'#!/bin/sh\necho "$1" > {folder}/given\n{text}\n')
    (tools / name).chmod(0o755)
    return {"PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin"}


@pytest.mark.parametrize(
    ("platform", "variables", "name"),
    [
        ("darwin", {}, "open"),
        ("linux", {"DISPLAY": ":0"}, "xdg-open"),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, "xdg-open"),
        ("linux", {"WSL_DISTRO_NAME": "Debian", "DISPLAY": ":0"}, "wslview"),
    ],
)
def test_each_desktop_has_its_opener(page, tmp_path, platform, variables, name):
    given = str(page) if name == "wslview" else page.as_uri()
    assert "%20" in page.as_uri()
    assert desktop.opener(page, platform, {**variables, **program(tmp_path, name, "")}) == [name, given]
    assert desktop.opener(page, platform, {**variables, "PATH": str(tmp_path)}) == []


def test_without_a_display_nothing_is_opened(page, tmp_path):
    assert desktop.opener(page, "linux", program(tmp_path, "xdg-open", "")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [("exit 0", []), ("exit 3", ["xdg-open could not open it; give that address to a browser."]), ("sleep 60", [])],
    ids=["opened", "failed", "became the browser"],
)
def test_the_address_is_said_once_and_the_page_opened(page, tmp_path, monkeypatch, capsys, text, said):
    monkeypatch.setattr(desktop.sys, "platform", "linux")
    monkeypatch.setattr(desktop, "_SECONDS", 0.3 if "sleep" in text else 10.0)
    monkeypatch.delenv("WSL_DISTRO_NAME", raising=False)
    for name, value in {"DISPLAY": ":0", **program(tmp_path, "xdg-open", text)}.items():
        monkeypatch.setenv(name, value)
    desktop.show(page)
    assert capsys.readouterr().out.splitlines() == [f"Page: {page.as_uri()}", *said]
    assert (tmp_path / "given").read_text() == f"{page.as_uri()}\n"


def test_without_a_desktop_there_is_the_address_alone(page, monkeypatch, capsys):
    monkeypatch.setattr(desktop.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    desktop.show(page)
    address, why = capsys.readouterr().out.splitlines()
    assert address == f"Page: {page.as_uri()}"
    assert why.startswith("There is no desktop here")
