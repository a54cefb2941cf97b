"""What is wrong with answers, in words: the rule, the linkId of the Questionnaire and the way out, and never an answer.
https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from app.errors import Issue, Severity
from app.fhir.languages import Both
from app.questionnaires.refusals import PREFIX

_CODES: Final[Mapping[str, str]] = {
    "unknown-item": "not-found",
    "misplaced": "structure",
    "order": "structure",
    "repeated-item": "structure",
    "repeated-group": "structure",
    "not-a-question": "structure",
    "type": "structure",
    "required": "required",
    "no-questionnaire": "required",
    "not-held": "not-found",
    "not-checked": "not-found",
    "value-set": "code-invalid",
    "value-set-unknown": "code-invalid",
    "option": "code-invalid",
    "regex-unread": "not-supported",
    "text": "informational",
    "not-seen": "suppressed",
    "not-found": "informational",
    "not-populated": "not-supported",
    "context": "informational",
    "extract-status": "business-rule",
    "extract-type": "not-supported",
    "extract-way": "not-supported",
    "extract-unmarked": "informational",
    "extract-unsaved": "informational",
    "who": "business-rule",
    "status": "business-rule",
    "amend": "business-rule",
    "amends-form": "structure",
    "amends-unknown": "not-found",
    "amends-questionnaire": "business-rule",
    "amends-subject": "business-rule",
    "amends-status": "business-rule",
    "amends-meanwhile": "conflict",
    "amends-done": "informational",
    "amends-same": "informational",
    "fixed": "business-rule",
    "disabled": "business-rule",
}
"""From IssueType; those that are not here are about a value."""


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    path = Path(__file__).with_name("wording.yaml")
    found: Mapping[str, Mapping[str, str]] = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    return found


def problem(rule: str, path: str, *, severity: Severity = "error", **facts: str) -> Issue:
    """The issue of a rule at a FHIRPath; ``facts`` fill its text, in both languages."""
    texts = _texts()[rule]
    text = Both(texts["en"].format(**facts), texts["nl"].format(**facts))
    return Issue(_CODES.get(rule, "value"), text, (path,), severity, f"{PREFIX}{rule}")
