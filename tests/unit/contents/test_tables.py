"""Tests of trainmark.contents.tables: what is declared is there, once, and is what the page shows."""

import importlib
import inspect

import pytest
from trainmark.analysis import comparison_tables, table_files
from trainmark.contents import tables
from trainmark.contents.columns import FORMATS
from trainmark.contents.table import MAKE

DECLARED = pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.name)


def test_no_name_is_declared_twice():
    names = [table.name for table in tables.TABLES]
    assert len(names) == len(set(names))


@DECLARED
def test_columns_are_named_once_and_have_a_format(table):
    keys = [column.key for column in table.columns]
    assert len(keys) == len(set(keys))
    assert all(column.kind in FORMATS for column in table.columns)
    assert all(column.heading for column in table.columns if not column.in_file)


@DECLARED
def test_what_is_shown_in_snakemakes_report_says_what_it_is(table):
    assert bool(table.title) == bool(table.caption)
    assert table.title or not table.section


@pytest.mark.parametrize("table", tables.of_rule(MAKE), ids=lambda table: table.name)
def test_function_that_makes_a_table_is_there_and_takes_what_it_is_given(table):
    module, function = table.made_by.split(".")
    made = getattr(importlib.import_module(f"trainmark.analysis.{module}"), function)
    assert len(inspect.signature(made).parameters) == len(table.given)
    known = {
        *dir(comparison_tables.Inputs),
        *comparison_tables.Inputs.__dataclass_fields__,
        *(each.name for each in tables.TABLES),
    }
    assert set(table.given) <= known


@DECLARED
def test_file_has_the_declared_columns_and_is_read_back(five_machines, table):
    found = table_files.read(five_machines.folder, table.name)
    assert list(found) == table.keys


@DECLARED
def test_table_with_a_section_stands_there(five_machines, table):
    if table.section and not five_machines.data.tables[table.name].empty:
        (section,) = (each for each in five_machines.document.sections if each.key == table.section)
        assert table.title in [each.title for each in section.tables]


def test_unknown_name_is_refused():
    with pytest.raises(KeyError):
        tables.named("unknown")
