"""Tests of trainmark.contents.making."""

from dataclasses import dataclass

from trainmark.contents import making


@dataclass
class Inputs:
    """Whose one attribute fails when it is asked for."""

    given: int

    @property
    def computed(self) -> int:
        """Never."""
        raise AttributeError("of something within")


def test_attribute_is_known_without_being_computed():
    assert [making.has(Inputs, name) for name in ("given", "computed", "unknown")] == [True, True, False]


def test_function_is_found_by_module_and_name():
    assert making.function("trainmark.contents", "making.has") is making.has
