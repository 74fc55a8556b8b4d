"""Tests of trainmark.words."""

import pytest
from trainmark import words


@pytest.mark.parametrize(("seconds", "text"), [(40.4, "40 s"), (89.9, "90 s"), (720, "12 min"), (12_000, "3 h 20 min")])
def test_durations_as_people_say_them(seconds, text):
    assert words.duration_text(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 runs"), (1, "1 run"), (2000, "2,000 runs")])
def test_number_of_things_in_words(count, text):
    assert words.plural(count, "run") == text


def test_list_is_cut_where_it_is_long():
    assert words.enumerate_words("abc", most=3) == "a, b, c"
    assert words.enumerate_words("abcde", most=3) == "a, b, c and 2 more"


@pytest.mark.parametrize(("given", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_all_words_are_joined(given, text):
    assert words.and_words(given) == text
