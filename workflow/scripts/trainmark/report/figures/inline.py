"""A figure as the page holds it: each panel an SVG of its own, so that they stack on a phone; legend and note as HTML.

Its colours follow the reader's theme, its ids are nobody else's, and it has nothing that a stranger's text could start.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import matplotlib.pyplot as plt
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D

from trainmark import escaping
from trainmark.report.figures import looks
from trainmark.report.figures.layout import Box, Drawn, Entry
from trainmark.report.figures.looks import Look

# What readers' systems use, the narrow ones first; the figures are laid out for DejaVu Sans, which is wider.
FONTS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
# The page defines these, for light and for dark.
VARIABLES = {looks.INK: "--ink", looks.SOFT: "--soft", looks.GRID: "--line", looks.PAPER: "--paper"}
_DASHES = {"-": "", "--": "5 2.5", "-.": "6 2 1.5 2", ":": "1.5 2.5"}
_SPACE = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_FONT = re.compile(r"font-family: [^;\"]*")
_FRACTION = re.compile(r"(\.\d)\d+")
_PIXELS = 4 / 3  # in a point


def stand_alone(svg: str, alt: str) -> str:
    """A file for itself: any reader's fonts, and what it shows for who cannot see it."""
    head, _, rest = _FONT.sub(f"font-family: {FONTS}", svg).partition('version="1.1">')
    return f'{head}version="1.1" role="img">\n <title>{html.escape(alt, quote=False)}</title>{rest}'


def markup(name: str, svg: str, drawn: Drawn, alt: str) -> str:
    """A figure as HTML.

    Args:
        name: of the figure, with which its ids begin.
        svg: as matplotlib writes it; the group of panel number n has the id ``panel-n``.
        drawn: the same.
        alt: what it shows.
    """
    root = ElementTree.fromstring(_FONT.sub("", svg).encode())
    by_id = {each.get("id"): each for each in root.iter() if each.get("id")}
    groups = [by_id[f"panel-{number}"] for number in range(len(drawn.boxes))]
    written = {each.get("id") for group in groups for each in group.iter()}
    panels = []
    for group, box in zip(groups, drawn.boxes):
        needed = sorted({link for each in group.iter() for link in _links(each)} - written)
        written.update(needed)  # once in the page; the other panels refer to it there
        panels.append(_panel(name, [by_id[link] for link in needed], group, box))
    legend = "".join(f"<li>{_swatch(entry)}{_text(entry.label)}</li>" for entry in drawn.entries)
    parts = [
        f'<p class="drawn">{_text(drawn.title)}</p>',
        f'<div class="panels" role="img" aria-label="{_text(alt)}">{"".join(panels)}</div>',
        f'<ul class="legend">{legend}</ul>' if legend else "",
        f'<p class="marks">{_text(drawn.note)}</p>' if drawn.note else "",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _text(text: str) -> str:
    return html.escape(escaping.html(text))


def _panel(name: str, shared: list[ElementTree.Element], group: ElementTree.Element, box: Box) -> str:
    """One panel as an SVG element, with what it refers to and nobody has written yet."""
    *_, width, height = box
    extra = "".join(_written(each, name) for each in shared)
    view = " ".join(f"{value:.1f}" for value in box)
    attributes = f'width="{width * _PIXELS:.0f}" height="{height * _PIXELS:.0f}" viewBox="{view}"'
    return f"<svg {attributes}><defs>{extra}</defs>{_written(group, name)}</svg>"


def _links(element: ElementTree.Element) -> Iterator[str]:
    """The ids that an element refers to."""
    if (address := element.get(_LINK, "")).startswith("#"):
        yield address[1:]
    if clip := element.get("clip-path"):
        yield clip[len("url(#") : -1]


def _written(element: ElementTree.Element, name: str) -> str:
    """An element as HTML, in few bytes: matplotlib repeats the style of every point."""
    tag = element.tag.removeprefix(_SPACE)
    children = list(element)
    if tag == "g" and not children:
        return ""
    attributes = dict(_attributes(element, name))
    uses = {child.get("style") for child in children if child.tag == f"{_SPACE}use"}
    shared = uses.pop() if tag == "g" and len(uses) == 1 and "style" not in attributes else None
    if shared:
        attributes["style"] = _coloured(shared)
        for child in children:
            if child.tag == f"{_SPACE}use":
                child.attrib.pop("style")
    inner = html.escape(escaping.html(element.text or ""), quote=False) if tag == "text" else ""
    inner += "".join(_written(child, name) for child in children)
    if tag == "g" and not attributes:
        return inner
    listed = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
    return f"<{tag}{listed}>{inner}</{tag}>" if inner or tag in ("text", "g") else f"<{tag}{listed}/>"


def _attributes(element: ElementTree.Element, name: str) -> Iterator[tuple[str, str]]:
    for key, value in element.attrib.items():
        if key == "id":
            if element.tag != f"{_SPACE}g" and not element.tag.endswith(("text", "use")):
                yield key, f"{name}-{value}"
        elif key == _LINK:
            yield "href", f"#{name}-{value[1:]}" if value.startswith("#") else value
        elif key == "clip-path":
            yield key, f"url(#{name}-{value[len('url(#') : -1]})"
        elif key == "style":
            yield key, _coloured(value)
        elif key == "transform" and value.startswith("rotate(-0 "):
            continue
        elif key in ("d", "x", "y", "transform", "points", "width", "height"):
            yield key, " ".join(_FRACTION.sub(r"\1", value).split())
        else:
            yield key, value


@functools.cache
def _coloured(style: str) -> str:
    """A style with the page's colours in place of ours."""
    for colour, variable in VARIABLES.items():
        style = style.replace(colour, f"var({variable})")
    return re.sub(r"\s*([:;])\s*", r"\1", _FRACTION.sub(r"\1", style)).strip(";")


def _swatch(entry: Entry) -> str:
    """What a legend's line is about, 28 by 14 pixels."""
    look = entry.look
    line = ""
    if entry.line and look.dashes:
        dashes = _DASHES[look.dashes]
        pattern = f' stroke-dasharray="{dashes}"' if dashes else ""
        line = f'<path d="M-14 0H14" style="{_coloured(f"stroke:{look.colour}")}" stroke-width="2"{pattern}/>'
    style = _coloured(f"fill:{look.face};stroke:{look.colour}")
    point = f'<path d="{_outline(look)}" style="{style}" stroke-width="1.3"/>'
    return f'<svg class="key" width="28" height="14" viewBox="-14 -7 28 14" aria-hidden="true">{line}{point}</svg>'


def _outline(look: Look) -> str:
    """A marker's path, about ten pixels high."""
    style = MarkerStyle(look.marker)
    path = style.get_path().transformed(style.get_transform() + Affine2D().scale(9, -9))
    letters = {
        Outline.MOVETO: "M",
        Outline.LINETO: "L",
        Outline.CURVE3: "Q",
        Outline.CURVE4: "C",
        Outline.CLOSEPOLY: "Z",
    }
    found = []
    for values, code in path.iter_segments(curves=True, simplify=False):
        numbers = "" if code == Outline.CLOSEPOLY else " ".join(f"{value:.1f}" for value in values)
        found.append(letters[code] + numbers)
    return "".join(found)


def name_panels(panels: list[plt.Axes]) -> None:
    """Give each panel's group in the SVG an id by which ``markup`` finds it."""
    for number, axis in enumerate(panels):
        axis.set_gid(f"panel-{number}")
