"""Tests of trainmark.contents.figures: what is declared is planned, and stands on the page with its caption."""

import importlib

import pytest
from trainmark.contents import figures, tables
from trainmark.report.figures import figure_list
from trainmark.report.sections import additions

DECLARED = pytest.mark.parametrize("figure", figures.FIGURES, ids=lambda figure: figure.name)


@DECLARED
def test_function_that_makes_a_figure_is_there(figure):
    module, function = figure.made_by.split(".")
    assert callable(getattr(importlib.import_module(f"trainmark.report.figures.{module}"), function))
    known = {*dir(figure_list.Inputs), "everything", "references", *(each.name for each in tables.TABLES)}
    assert set(figure.given) <= known


@DECLARED
def test_figure_stands_in_its_section_with_its_caption_or_says_what_is_missing(five_machines, figure):
    sections = {section.key: section for section in five_machines.document.sections}
    if figure.first:
        assert five_machines.document.first.picture.caption == figure.caption
        return
    if figure.section not in sections:
        shows = {key for addition in additions.ADDITIONS for key in addition.shows}
        assert figure.section in shows or not figure.always
        return
    section = sections[figure.section]
    assert [picture.caption for picture in section.figures] == [figure.caption]


def test_page_has_the_figures_in_the_order_of_their_declarations(five_machines):
    placed = [section.key for section in five_machines.document.sections]
    shown = [figure.section for figure in figures.FIGURES if figure.section in placed]
    assert [key for key in placed if key in shown] == shown


def test_further_comparisons_have_a_caption_of_their_own():
    assert figures.named("comparison_12").caption == figures.captions()["comparison"]
    assert figures.named("comparison_12").section == "comparison-12"
    with pytest.raises(KeyError):
        figures.named("unknown")
