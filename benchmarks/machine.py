"""The machine, the versions and the commit that the figures belong to."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("uvicorn", "uvloop", "httptools", "msgspec", "asyncpg", "sqlalchemy", "fastapi", "starlette")
_ROOT: Final = Path(__file__).parent.parent


def commit() -> str:
    """The commit under test, with a remark where the folder differs from it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    return f"{head} with changes" if head and _git("status", "--porcelain") else head or "no commit yet"


def _git(*arguments: str) -> str:
    found = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else ""


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def load_average() -> str:
    """The load of the last minute, five and fifteen."""
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def describe(now: datetime) -> dict[str, str]:
    """What the report says about the machine, in its order."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [f"{package} {version(package)}" for package in _PACKAGES]
    return {
        "measured": now.isoformat(timespec="seconds"),
        "commit": commit(),
        "processor": f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "packages": ", ".join(versions),
    }
