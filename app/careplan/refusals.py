"""Refusals of the care plan: the code of the rule, and a text in Dutch and English with the way out.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from app.errors import Issue, Unprocessable

PREFIX: Final = "plan-"
"""Begins the codes of these rules."""


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = yaml.load(
        Path(__file__).with_name("refusals.yaml").read_text("utf-8"), yaml.CSafeLoader
    )
    return found


def text_of(code: str, **facts: str) -> str:
    """Both languages in one text."""
    texts = _texts()[code]
    return f"{texts['en'].format(**facts)} / {texts['nl'].format(**facts)}"


def issue(code: str, *path: str, **facts: str) -> Issue:
    """The issue of a rule; ``facts`` fill its text."""
    return Issue("business-rule", text_of(code, **facts), path, rule=f"{PREFIX}{code}")


def refusal(code: str, *path: str, **facts: str) -> Unprocessable:
    """The same as an error to raise."""
    return Unprocessable("", "business-rule", issues=(issue(code, *path, **facts),))
