"""A figure as the page holds it: each panel an SVG of its own, so that they stack on a phone; legend and note as HTML.

Its colours follow the reader's theme, its ids are nobody else's, and it has nothing that a stranger's text could start.
"""

from __future__ import annotations

import functools
import html
import itertools
import re
import zlib
from collections import Counter
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
# Styles that a figure repeats so often become classes.
_OFTEN = 6
_DASHES = {"-": "", "--": "5 2.5", "-.": "6 2 1.5 2", ":": "1.5 2.5"}
_SPACE = "{http://www.w3.org/2000/svg}"
_USE = f"{_SPACE}use"
_LINK = "{http://www.w3.org/1999/xlink}href"
_FONT = re.compile(r"font-family: [^;\"]*")
_FRACTION = re.compile(r"(\.\d)\d+")
_NOTHING_BEHIND = re.compile(r"\.0(?!\d)")
_AROUND_LETTER = re.compile(r"\s*([A-Za-z])\s*")
# So many points of one look are the corners of an invisible line, each with its marker: a third of the characters.
_MANY_POINTS = 3
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
    _shorten_ids(root)
    name = f"f{zlib.crc32(name.encode()) % 2**16:x}"  # no two figures' are the same, a test says
    by_id = {each.get("id"): each for each in root.iter() if each.get("id")}
    groups = [by_id[f"panel-{number}"] for number in range(len(drawn.boxes))]
    written = {each.get("id") for group in groups for each in group.iter()}
    panels, markers = [], _Markers(name)
    for group, box in zip(groups, drawn.boxes):
        needed = sorted({link for each in group.iter() for link in _links(each)} - written)
        written.update(needed)  # once in the page; the other panels refer to it there
        panels.append(_panel(markers, [by_id[link] for link in needed], group, box))
    svgs = _with_classes(name, "".join(panels))
    legend = "".join(f"<li>{_swatch(entry)}{_text(entry.label)}</li>" for entry in drawn.entries)
    parts = [
        f'<p class="drawn">{_text(drawn.title)}</p>',
        f'<div class="panels" role="img" aria-label="{_text(alt)}">{svgs}</div>',
        f'<ul class="legend">{legend}</ul>' if legend else "",
        f'<p class="marks">{_text(drawn.note)}</p>' if drawn.note else "",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _shorten_ids(root: ElementTree.Element) -> None:
    """Number the ids of outlines and clip paths, which matplotlib makes of eleven digits and repeats at every point."""
    short: dict[str, str] = {}
    for each in root.iter():
        for key, before in (("id", ""), (_LINK, "#"), ("clip-path", "url(#")):
            value = each.get(key, "")
            if re.fullmatch(re.escape(before) + r"[a-z][0-9a-f]{10}\)?", value):
                given = value[len(before) :].rstrip(")")
                each.set(key, value.replace(given, short.setdefault(given, f"{len(short):x}")))


def _with_classes(name: str, svgs: str) -> str:
    """The panels with a style sheet for the styles that they repeat."""
    counts = Counter(re.findall(' style="([^"]*)"', svgs))
    often = {style: f"{name}{number}" for number, (style, count) in enumerate(counts.most_common()) if count >= _OFTEN}
    svgs = re.sub(
        ' style="([^"]*)"', lambda found: f' class="{often[found[1]]}"' if found[1] in often else found[0], svgs
    )
    rules = "".join(f".{each}{{{style}}}" for style, each in often.items())
    return svgs.replace("<defs>", f"<defs><style>{rules}</style>", 1)


def _text(text: str) -> str:
    return html.escape(escaping.html(text))


class _Markers:
    """The points of a figure that are drawn as markers: the same outline in the same style is one.

    Args:
        name: of the figure, with which ids begin.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._ids: dict[tuple[str, str], str] = {}
        self._new: list[str] = []

    def of(self, outline: str, style: str) -> str:
        """Id of the marker of an outline, by its own id, in a style."""
        found = self._ids.get((outline, style))
        if found is None:
            found = self._ids[outline, style] = f"{self.name}-m{len(self._ids)}"
            kept = 'overflow="visible" markerUnits="userSpaceOnUse"'
            drawn = f'<use href="#{outline}" style="{html.escape(style)}"/>'
            self._new.append(f'<marker id="{found}" {kept}>{drawn}</marker>')
        return found

    def take_new(self) -> str:
        """The markers that are defined since the last time."""
        found, self._new = "".join(self._new), []
        return found


def _panel(markers: _Markers, shared: list[ElementTree.Element], group: ElementTree.Element, box: Box) -> str:
    """One panel as an SVG element, with what it refers to and nobody has written yet."""
    *_, width, height = box
    extra, inner = _side_by_side(shared, markers), _written(group, markers)
    view = " ".join(f"{value:.1f}" for value in box)
    attributes = f'width="{width * _PIXELS:.0f}" height="{height * _PIXELS:.0f}" viewBox="{view}"'
    return f"<svg {attributes}><defs>{extra}{markers.take_new()}</defs>{inner}</svg>"


def _links(element: ElementTree.Element) -> Iterator[str]:
    """The ids that an element refers to."""
    if (address := element.get(_LINK, "")).startswith("#"):
        yield address[1:]
    if clip := element.get("clip-path"):
        yield clip[len("url(#") : -1]


def _written(element: ElementTree.Element, markers: _Markers) -> str:
    """An element as HTML, in few bytes: matplotlib repeats the style of every point."""
    tag = element.tag.removeprefix(_SPACE)
    children = list(element)
    if tag == "g" and not children:
        return ""
    attributes = dict(_attributes(element, markers.name))
    uses = {child.get("style") for child in children if child.tag == _USE}
    shared = uses.pop() if tag == "g" and len(uses) == 1 and "style" not in attributes else None
    inner = html.escape(escaping.html(element.text or ""), quote=False) if tag == "text" else ""
    if shared and len(children) >= _MANY_POINTS and len({_look(child) for child in children}) == 1:
        inner += _points(children, _coloured(shared), markers)
    elif shared:
        attributes["style"] = _coloured(shared)
        for child in children:
            if child.tag == _USE:
                child.attrib.pop("style")
        inner += _side_by_side(children, markers)
    else:
        inner += _side_by_side(children, markers)
    if tag == "g" and not attributes:
        return inner
    listed = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
    return f"<{tag}{listed}>{inner}</{tag}>" if inner or tag in ("text", "g") else f"<{tag}{listed}/>"


def _look(element: ElementTree.Element) -> tuple[tuple[str, str], ...] | None:
    """What two points, or two lines, share if they can be written as one; None of anything else."""
    rest = tuple(item for item in sorted(element.items()) if item[0] not in ("d", "x", "y"))
    known = {key for key, _ in rest}
    if element.tag == _USE and known == {_LINK, "style"}:
        return rest
    style = element.get("style", "")  # what shows through would show twice where two lines cross
    if element.tag == f"{_SPACE}path" and "id" not in known and "fill: none" in style and "opacity" not in style:
        return rest
    return None


def _points(uses: list[ElementTree.Element], style: str, markers: _Markers) -> str:
    """Points of one look; those in the same place are one point to the eye."""
    places = dict.fromkeys(" ".join(_short(each.get(key, "0")) for key in ("x", "y")) for each in uses)
    marker = markers.of(f"{markers.name}-{uses[0].get(_LINK, '#')[1:]}", style)
    return f'<path d="M{" ".join(places)}" style="fill:none;stroke:none;marker:url(#{marker})"/>'


def _side_by_side(elements: list[ElementTree.Element], markers: _Markers) -> str:
    """Elements one after the other, those in the same place once; lines of one look as one path."""
    found = []
    for look, group in itertools.groupby(elements, _look):
        parts = list(group)
        if look is None or parts[0].tag == _USE:
            found += [_written(each, markers) for each in parts]
            continue
        lines = "".join(dict.fromkeys(_short(each.get("d", "")) for each in parts))
        parts[0].set("d", lines)
        found.append(_written(parts[0], markers))
    return "".join(dict.fromkeys(found))


def _short(numbers: str) -> str:
    """Coordinates, or a path, with one decimal and no blanks that say nothing."""
    value = _NOTHING_BEHIND.sub("", _FRACTION.sub(r"\1", numbers))
    return _AROUND_LETTER.sub(r"\1", " ".join(value.split()))


def _attributes(element: ElementTree.Element, name: str) -> Iterator[tuple[str, str]]:
    for key, value in element.attrib.items():
        if key == "id":
            if element.tag not in (f"{_SPACE}g", f"{_SPACE}text", _USE):
                yield key, f"{name}-{value}"
        elif key == _LINK:
            yield "href", f"#{name}-{value[1:]}" if value.startswith("#") else value
        elif key == "clip-path":
            yield key, f"url(#{name}-{value[len('url(#') : -1]})"
        elif key == "style":
            yield key, _coloured(value)
        elif key == "transform":
            if not value.startswith("rotate(-0 "):
                yield key, " ".join(_FRACTION.sub(r"\1", value).split())
        elif key in ("d", "x", "y", "points", "width", "height"):
            yield key, _short(value)
        else:
            yield key, value


@functools.cache
def _coloured(style: str) -> str:
    """A style with the page's colours in place of ours."""
    for colour, variable in VARIABLES.items():
        style = style.replace(colour, f"var({variable})")
    return re.sub(r"\s*([:;])[\s;]*", r"\1", _FRACTION.sub(r"\1", style)).strip(";")


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
