"""Tests of trainmark.report.sections.claim_pictures."""

import math
import re
import xml.etree.ElementTree as ET

import pytest
from trainmark.report.sections import claim_pictures

NOTHING = (math.nan, math.nan)


def drawn(claimed, measured, ends=NOTHING, outside=False):
    axis = claim_pictures.axis_of([*claimed, measured, *(end for end in ends if not math.isnan(end)), 1.0])
    return ET.fromstring(claim_pictures.draw(axis, claimed, outside, measured, ends)), axis


@pytest.mark.parametrize("ends", [(1, 1.19), (0.9, 1.05), (1, 8), (10.7, 11), (0.02, 300), (1, 1), (1e-5, 1e9)])
def test_ticks_are_round_few_and_on_the_axis(ends):
    axis = claim_pictures.axis_of([float(end) for end in ends])
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 10
    assert all(axis.low <= tick <= axis.high for tick in ticks)
    assert ticks == pytest.approx([float(f"{tick:.3g}") for tick in ticks])
    assert ticks == sorted(ticks)


def test_point_lies_within_the_band_if_and_only_if_the_value_is_claimed():
    for measured, inside in ((1.77, True), (1.3, False), (2.5, False)):
        root, _ = drawn((1.61, 1.95), measured, (measured - 0.01, measured + 0.01))
        band, point = root.find("rect"), float(root.find("circle").get("cx"))
        left = float(band.get("x"))
        assert (left < point < left + float(band.get("width"))) == inside


def test_open_ends_reach_the_edge_and_all_but_a_range_has_two_bands():
    root, axis = drawn((1.0, math.inf), 1.2, (1.1, 1.3))
    band = root.find("rect")
    assert float(band.get("x")) + float(band.get("width")) == pytest.approx(axis.at(axis.high))
    assert len(drawn((1.1, 1.2), 1.05, outside=True)[0].findall("rect")) == 2


def test_words_say_the_same_and_without_repeats_there_is_no_interval():
    root, _ = drawn((1.61, 1.95), 1.77, (1.76, 1.78))
    said = root.get("aria-label")
    assert "Claimed: 1.61 to 1.95. Measured: 1.77, 95 % interval 1.76 to 1.78." in said
    assert root.get("role") == "img"
    assert len(root.findall("path[@class='interval']")) == 1
    root, _ = drawn((0.0, 1.0), 1.77)
    assert "Claimed: below 1. Measured: 1.77. " in root.get("aria-label")
    assert root.findall("path[@class='interval']") == []
    assert re.search("below 1.1 or above 1.2", drawn((1.1, 1.2), 1.05, outside=True)[0].get("aria-label"))
