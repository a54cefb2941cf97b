"""Debian's Chromium, and the demo served by a process of its own for it to look at.

https://playwright.dev/python/
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from app.cli.sandbox import write_demo
from tests.pages.serving import reset
from tests.process import Process, serving

AXE: Final = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Pages do not depend on the engine: one will do."""
    folder = tmp_path_factory.mktemp("pages")
    with serving(folder, "serve", "--sandbox", write_demo(folder / "demo")) as process:
        yield process


@pytest.fixture(scope="session")
def changed_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Path]]:
    """Another one as the test before left it, and its sandbox file."""
    folder = tmp_path_factory.mktemp("changed")
    sandbox = write_demo(folder / "demo")
    with serving(folder, "serve", "--sandbox", sandbox) as process:
        yield process, sandbox


@pytest.fixture
def fresh_demo(changed_demo: tuple[Process, Path]) -> tuple[Process, Path]:
    """The same in its seeded state, for a test that changes it."""
    reset(changed_demo[0])
    return changed_demo


@pytest.fixture(scope="session", autouse=True)
def whole_pages() -> Iterator[None]:
    """A click is over when the page that it leads to is there, as it is for people. Playwright's is over when that page
    begins, and what a test saw or counted then was there or not by chance.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Page, "click", _to_the_end(Page.click, lambda page: page))
        patched.setattr(Locator, "click", _to_the_end(Locator.click, lambda locator: locator.page))
        yield


def _to_the_end(click: Callable[..., None], page_of: Callable[[Any], Page]) -> Callable[..., None]:
    @wraps(click)
    def clicked(self: Any, *arguments: Any, **options: Any) -> None:
        click(self, *arguments, **options)
        page = page_of(self)
        if not page.is_closed():
            page.wait_for_load_state()

    return clicked


@pytest.fixture(scope="module")  # while it is open, Playwright's event loop stands in the way of other tests' own
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium: `make system` installs it")
    confined = [] if os.geteuid() else ["--no-sandbox"]  # Chromium's own sandbox cannot be made by root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=confined)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, the accessibility checker, as a script. https://github.com/dequelabs/axe-core"""
    if not AXE.is_file():
        pytest.skip("no axe-core: `make test` installs it when npm is there")
    return AXE.read_text()
