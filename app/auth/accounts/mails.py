"""The texts of mails, and of what a person is told of their own account, from data. https://www.rfc-editor.org/rfc/rfc5322"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml
from babel.dates import format_datetime

from app.auth.accounts.outbox import Mail

_HERE: Final = Path(__file__).parent
_ZONE: Final = ZoneInfo("Europe/Amsterdam")


def mail(kind: str, to: str, language: str, **values: str) -> Mail:
    """The mail of ``mails.yaml`` with this name. Raises KeyError for an unknown one."""
    text = _read("mails.yaml")[kind][language]
    return Mail(to, text["subject"], text["text"].format(**values), language)


def told(kind: str, language: str) -> str:
    """What ``events.yaml`` says of an event. Raises KeyError for an unknown one."""
    return str(_read("events.yaml")[kind][language])


def is_mailed(kind: str) -> bool:
    """Whether a mail goes with the event."""
    return bool(_read("events.yaml")[kind]["mail"])


def told_mail(kind: str, to: str, language: str, *, now: int, recover: str) -> Mail:
    """The mail about an event at ``now`` (µs)."""
    local = datetime.fromtimestamp(now // 1_000_000, UTC).astimezone(_ZONE)
    moment = format_datetime(local, "d MMMM y, HH:mm", locale=language)
    return mail("told", to, language, what=told(kind, language), moment=moment, recover=recover)


@cache
def _read(name: str) -> Mapping[str, Any]:
    read: Mapping[str, Any] = yaml.safe_load((_HERE / name).read_text("utf-8"))
    return read
