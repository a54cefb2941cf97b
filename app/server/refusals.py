"""Rules of one area as a refusal tells them: the code of the rule, and a text in English and Dutch with the way out.

The texts stand in a file beside the area's modules: ``code: {en: …, nl: …}``, with the names of facts in braces.
https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import yaml

from app.errors import Issue, Severity, Unprocessable, ZelfregieError
from app.fhir.languages import Both

Words = Mapping[str, str]
"""A text or a name in both languages: ``nl`` and ``en``."""


class Refusals:
    """Those of one area. ``prefix`` begins the codes of its rules. A fact that fills a text is a name in both
    languages, or is the same in each.
    """

    def __init__(self, texts: Path, prefix: str) -> None:
        self._file = texts
        self._prefix = prefix

    @cached_property
    def texts(self) -> Mapping[str, Words]:
        """By code."""
        found: Mapping[str, Words] = yaml.load(self._file.read_text("utf-8"), yaml.CSafeLoader)
        return found

    def text_of(self, code: str, **facts: str | Words) -> Both:
        """Both languages in one text."""
        words = self.texts[code]
        return Both(*(words[language].format(**_in(language, facts)) for language in ("en", "nl")))

    def issue(self, code: str, *path: str, **facts: str | Words) -> Issue:
        """The issue of a rule that is broken."""
        return Issue("business-rule", self.text_of(code, **facts), path, rule=f"{self._prefix}{code}")

    def notice(self, severity: Severity, code: str, *path: str, **facts: str | Words) -> Issue:
        """The same of what is only said."""
        return replace(self.issue(code, *path, **facts), severity=severity)

    def refusal(self, code: str, *path: str, **facts: str | Words) -> Unprocessable:
        """The same as what breaks a rule, to raise."""
        return Unprocessable("", "business-rule", issues=(self.issue(code, *path, **facts),))

    def refused(
        self, kind: type[ZelfregieError], code: str, *path: str, as_type: str = "", **facts: str | Words
    ) -> ZelfregieError:
        """The same as another kind of error. ``as_type``: the issue's type, where it is not ``business-rule``."""
        found = self.issue(code, *path, **facts)
        return kind(issues=(replace(found, code=as_type) if as_type else found,))


def _in(language: str, facts: Mapping[str, str | Words]) -> dict[str, str]:
    return {name: fact if isinstance(fact, str) else fact[language] for name, fact in facts.items()}
