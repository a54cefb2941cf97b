"""People who log in, in a browser, with their password and a code of the moment."""

from __future__ import annotations

import time
from base64 import b32decode
from pathlib import Path
from typing import Any, Final

import yaml
from playwright.sync_api import Page

from app.auth.accounts import totp

_LOOKS: Final = 30
LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def demo_account(sandbox_file: Path, name: str) -> dict[str, Any]:
    """The account of the demo with this first name."""
    found: dict[str, Any] = yaml.safe_load(sandbox_file.read_text())["accounts"][f"{name}@example.org"]
    return found


def log_in(page: Page, url: str, sandbox_file: Path, name: str) -> None:
    """Both steps. A code counts once, so who logs in again waits for the next one."""
    account = demo_account(sandbox_file, name)
    secret = b32decode(account["totp"])
    for _ in range(3):
        page.goto(f"{url}/login")
        page.fill("#email", f"{name}@example.org")
        page.fill("#password", account["password"])
        page.click("main form button")
        page.fill("#code", totp.code_at(secret, int(time.time()) // 30))
        page.click("main form button")
        if "/login" not in page.url:
            return
        time.sleep(30 - time.time() % 30)
    raise AssertionError(page.content())


def resize(page: Page, width: int, name: str) -> None:
    """Show the page this many pixels wide; it fits."""
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_load_state()
    for _ in range(_LOOKS):  # a busy browser lays the page out a moment later
        wide = page.locator("html").evaluate("html => html.scrollWidth")
        if wide <= width:
            return
        page.wait_for_timeout(100)
    raise AssertionError((name, width, wide))


def barriers(page: Page, axe: str) -> list[tuple[str, list[str]]]:
    """What axe-core finds on a page: rule, and the elements."""
    page.evaluate(axe)
    found = page.evaluate("levels => axe.run({runOnly: {type: 'tag', values: levels}})", LEVELS)
    assert len(found["passes"]) > 10
    return [(each["id"], [node["html"] for node in each["nodes"][:3]]) for each in found["violations"]]
