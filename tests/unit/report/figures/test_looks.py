"""Tests of trainmark.report.figures.looks: a machine has one colour, which everybody sees and nobody mistakes."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from trainmark.report.figures import inline, looks
from trainmark.report.figures.looks import Look

from tests import colour_vision, report

PAPERS = ("#ffffff", "#0d1117")


@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
        ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_colour_difference_is_that_of_the_published_examples(one, other, published):
    assert colour_vision.ciede2000(np.array(one), np.array(other)) == pytest.approx(published, abs=1e-4)


def test_who_sees_no_red_or_no_green_confuses_what_is_known_to_be_confused():
    assert colour_vision.difference("#c8540a", "#7d7800") > 20
    assert colour_vision.difference("#c8540a", "#7d7800", "deuteranopia") < 20


def test_colours_are_seen_on_both_papers_and_told_apart_by_everybody():
    for colour, paper in itertools.product((*looks.COLOURS, looks.MIDDLE), PAPERS):
        assert colour_vision.contrast(colour, paper) >= 3, (colour, paper)
    for (one, other), vision in itertools.product(itertools.combinations(looks.COLOURS, 2), colour_vision.SIMULATIONS):
        assert colour_vision.difference(one, other, vision) >= 20, (one, other, vision)


def test_neutral_colours_are_those_of_the_page():
    style = (report.TEMPLATES / "page.css").read_text()
    light, dark = (
        dict(re.findall(r"(--\w+): (#\w+)", part)) for part in re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    )
    for colour, variable in inline.VARIABLES.items():
        assert light[variable] in (colour, colour[:4])
        assert variable in dark
    assert dark["--paper"] == PAPERS[1]


def assigned(machines, stacks=("tf-2.19",)):
    keys = list(itertools.product(machines, ("cpu", "gpu"), stacks))
    return looks.assign_looks(pd.DataFrame(keys, columns=["machine", "device", "stack"]))


def test_colour_is_the_machines_and_hollow_the_cpus():
    found = assigned(["a", "b"], ["tf-2.12", "tf-2.19"])
    assert {key[0]: look.colour for key, look in found.items()} == dict(zip("ab", looks.COLOURS))
    assert len({look.colour for key, look in found.items() if key[0] == "a"}) == 1
    assert all(look.hollow == (key[1] == "cpu") for key, look in found.items())
    assert found["a", "gpu", "tf-2.12"].dashes != found["a", "gpu", "tf-2.19"].dashes
    assert found["a", "gpu", "tf-2.12"].dashes == found["b", "cpu", "tf-2.12"].dashes


@pytest.mark.parametrize(("machines", "stacks"), [(55, 1), (25, 2), (15, 3)])
def test_no_two_look_alike(machines, stacks):
    found = assigned([f"m{n:02}" for n in range(machines)], [f"tf-{n}" for n in range(stacks)])
    assert len({look.mark for look in found.values()}) == len(found)


def test_looks_kept_for_something_else_are_no_machines():
    assert not {looks.PUBLISHED, looks.LOST} & {look.marker for look in assigned(map(str, range(99))).values()}
    neutral = looks.neutral_looks([32, 128, 512, 1024])
    assert len({look.mark for look in neutral.values()}) == 4
    assert not {look.colour for look in neutral.values()} & set(looks.COLOURS)


def test_a_pair_looks_like_the_side_that_tells_it_apart():
    found = assigned(["a", "b", "c"])
    a, b, c = ((name, "gpu", "tf-2.19") for name in "abc")
    against = [(*a, *b), (*a, *c)]
    assert [looks.look_of(key, against, found) for key in against] == [found[b], found[c]]
    matrix = [(*a, *b), (*a, *c), (*b, *c), (*b, *a)]
    assert len({looks.look_of(key, matrix, found).mark for key in matrix}) == 4


def test_controls_keep_their_machines_colour_and_differ_in_their_marker():
    found = assigned(["a", "b"])
    keys = [(name, "gpu", "tf-2.19", control) for name in "ab" for control in ("device-data", "threads-2")]
    seen = [looks.look_of(key, keys, found) for key in keys]
    assert [look.colour for look in seen] == [looks.COLOURS[0]] * 2 + [looks.COLOURS[1]] * 2
    assert seen[0].marker != seen[1].marker


def test_hollow_points_are_filled_with_the_paper():
    assert Look("#0c698b", "o").face == "#0c698b"
    assert Look("#0c698b", "o", hollow=True).face == looks.PAPER
