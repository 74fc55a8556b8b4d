"""The documentation: every link resolves, the README is short, and each page can be reached from it."""

import re
import urllib.parse
from pathlib import Path

import pytest
import yaml
from trainmark.ingest import yaml_file

from tests.conftest import ROOT

README = ROOT / "README.md"
PAGES = [
    README,
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "config/README.md",
    ROOT / "results/README.md",
    ROOT / "tests/machines/README.md",
]
MOST_WORDS = 900


def prose(text: str) -> str:
    """A page without its blocks of code and without code within lines, in which brackets are no links."""
    return re.sub(r"`[^`]*`", "", without_blocks(text))


def without_blocks(text: str) -> str:
    """A page without its blocks of code, in which a line that begins with # is no heading."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#+ (.+?)\s*$", without_blocks(text), flags=re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        count = found.get(name, 0)
        found[name] = count + 1
        names.add(f"{name}-{count}" if count else name)
    return names


def links(text: str) -> list[str]:
    """The targets of a page's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))


def fault(page: Path, target: str) -> str | None:
    """What is wrong with a link of a page, or None. Addresses of the network are not asked."""
    if re.match(r"[a-z]+:", target):
        return None
    name, _, anchor = target.partition("#")
    file = (page.parent / urllib.parse.unquote(name)).resolve() if name else page
    if not file.is_relative_to(ROOT) or not file.exists():
        return f"{target}: there is no such file"
    if anchor and anchor not in anchors(file.read_text()):
        return f"{target}: there is no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_anchor_resolves(page):
    assert [found for target in links(page.read_text()) if (found := fault(page, target))] == []


def test_a_link_that_does_not_resolve_is_noticed():
    assert fault(README, "docs/nowhere.md") == "docs/nowhere.md: there is no such file"
    assert fault(README, "docs/method.md#nowhere") == "docs/method.md#nowhere: there is no such heading"
    assert fault(README, "#nowhere") == "#nowhere: there is no such heading"
    assert fault(README, "../elsewhere.md") == "../elsewhere.md: there is no such file"
    assert fault(README, "docs/method.md#statistics") is None
    assert links("[a](b.md) and `[c](d.md)`\n```\n[e](f.md)\n```\n![g](h.png)") == ["b.md", "h.png"]
    assert anchors("# A b\n```\n# c\n```\n## A b\n### What's `d_e`, f?") == {"a-b", "a-b-1", "whats-d_e-f"}


def test_the_readme_is_short():
    assert len(README.read_text().split()) <= MOST_WORDS


def test_each_page_is_reachable_from_the_readme():
    seen, todo = set(), [README]
    while todo:
        page = todo.pop()
        seen.add(page)
        targets = [target.partition("#")[0] for target in links(page.read_text()) if not re.match(r"[a-z]+:", target)]
        linked = {(page.parent / target).resolve() for target in targets if target.endswith(".md")}
        todo += sorted(linked - seen)
    assert set(PAGES) - seen == set()


def test_hooks_have_the_versions_that_the_tests_pin():
    pins = dict(re.findall(r"^([a-z-]+)==(\S+)", (ROOT / "envs/tests.txt").read_text(), flags=re.MULTILINE))
    hooks = yaml_file.read(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    wanted = [pin for hook in hooks for pin in hook["additional_dependencies"]]
    assert [hook["id"] for hook in hooks] == ["ruff", "ruff-format", "snakefmt"]
    assert wanted == [f"{name}=={pins[name]}" for name in ("ruff", "ruff", "snakefmt")]


def test_actions_are_pinned_and_may_only_read():
    for path in (ROOT / ".github/workflows").glob("*.yaml"):
        text = path.read_text()
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
        uses = re.findall(r"uses: (\S+)", text)
        assert uses
        assert [action for action in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []
