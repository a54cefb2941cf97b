"""Debian's Chromium, and the demo served by a process of its own for it to look at.

https://playwright.dev/python/
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

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
