"""A real browser without a window, driven by Playwright: the one that is installed, Chromium or Chrome."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

# The first one draws pages and does nothing else, in two thirds of the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
NEEDED = pytest.mark.skipif(BROWSER is None, reason=f"no browser: none of {', '.join(NAMES)} is installed")
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@contextlib.contextmanager
def running() -> Iterator:
    """A browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


def visit(browser, page: Path, size: dict[str, int] = DESKTOP, fragment: str = "", **options) -> tuple:
    """A page that is open and whose scripts ran; what its console says, and the addresses that it asks for.

    Both lists go on growing while the page is used.
    """
    opened = browser.new_page(viewport=size, **options)
    console: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: console.append(message.text))
    opened.on("pageerror", lambda error: console.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(page.as_uri() + fragment)
    return opened, console, asked


def until(page, expression: str, seconds: float = 10) -> None:
    """Wait until an expression is true; Playwright's own waiting needs eval, which the page forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        time.sleep(0.05)
