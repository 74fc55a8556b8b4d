"""Files that are not what they should be: what is wrong with each, and what to do about it, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from trainmark import escaping

AGAIN = "Get it again from where it came, or remove it; a run of this machine is then measured again"


class BadFileError(Exception):
    """A file that is not what it should be.

    Attributes:
        what: is wrong; continues a sentence that begins with the file's name.
        remedy: what to do.
    """

    def __init__(self, what: str, remedy: str = AGAIN) -> None:
        super().__init__(f"{what}. {remedy}.")
        self.what, self.remedy = what, remedy


@dataclass(frozen=True)
class Problem:
    """One file that cannot be used."""

    path: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return escaping.line(f"{self.path}: {self.what}. {self.remedy}.")
