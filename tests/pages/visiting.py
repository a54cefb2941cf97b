"""People who log in, in a browser, with their password and a code of the moment."""

from __future__ import annotations

import time
from base64 import b32decode
from pathlib import Path
from typing import Any, Final

import yaml
from playwright.sync_api import Page

from app.auth.accounts import totp

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


def barriers(page: Page, axe: str) -> list[tuple[str, list[str]]]:
    """What axe-core finds on a page: rule, and the elements."""
    page.evaluate(axe)
    found = page.evaluate("levels => axe.run({runOnly: {type: 'tag', values: levels}})", LEVELS)
    assert len(found["passes"]) > 10
    return [(each["id"], [node["html"] for node in each["nodes"][:3]]) for each in found["violations"]]
