"""What is wrong with answers, as the page says it: the question by its words, the limit, and the way out.
https://www.w3.org/WAI/WCAG22/Understanding/error-suggestion
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.errors import Issue
from app.fhir.resource import Resource
from app.questionnaires.answers.checking import MAX_OCCURS, MIN_OCCURS
from app.questionnaires.answers.intake import checked
from app.questionnaires.answers.limits import MAX_VALUE, MIN_VALUE, UNIT, UNIT_OPTION, values_of
from app.questionnaires.items import Item
from app.questionnaires.names import CORE
from app.questionnaires.refusals import PREFIX
from app.web.dates import day
from app.web.questionnaires.drafts import Draft, to_send
from app.web.questionnaires.fields import Question
from app.web.questionnaires.locating import key_of_path
from app.web.questionnaires.outline import item_at
from app.web.questionnaires.typed import MIME_TYPE, file_limit, file_types
from app.web.questionnaires.visit import Visit
from app.web.questionnaires.wording import entry_format, said
from app.web.texts import texts

LATER: Final = frozenset({"required", "min-occurs"})
"""Rules that a draft need not hold yet."""
_LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "min-value": MIN_VALUE,
    "max-value": MAX_VALUE,
    "not-compared": (*MIN_VALUE, *MAX_VALUE),
    "min-occurs": (MIN_OCCURS,),
    "max-occurs": (MAX_OCCURS,),
    "min-length": (f"{CORE}minLength",),
    "decimals": (f"{CORE}maxDecimalPlaces",),
}
_LONGEST: Final = 60
"""Characters of a question in a line about it."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One problem: the key of its place ("" for none), the rule, and the words."""

    key: str
    rule: str
    text: str


async def troubles_in(draft: Draft) -> list[Trouble]:
    """Everything that keeps the response from being sent, by the same check as the API's."""
    body, known = await to_send(draft)
    visit = draft.visit
    async with visit.server.database.snapshot() as reader:
        issues = await checked(visit.server, reader, visit.access, draft.held, body, complete=True, now=visit.now)
    return troubles(draft, issues, known)


def troubles(draft: Draft, issues: Sequence[Issue], known: Mapping[str, str]) -> list[Trouble]:
    """Issues of the API as the page says them, one for each place and rule."""
    found: dict[tuple[str, str], Trouble] = {}
    for issue in issues:
        if issue.severity not in ("error", "fatal"):
            continue
        rule = (issue.rule or "").removeprefix(PREFIX)
        key = key_of_path(draft.held.form, known, issue.expression[0]) if issue.expression else ""
        item = item_at(draft.held.form, key) if key else None
        found.setdefault((key, rule), Trouble(key, rule, _text(draft.visit, rule, item)))
    return list(found.values())


def not_read(visit: Visit, question: Question, rule: str) -> Trouble:
    """What was typed that is no answer."""
    return Trouble(question.key, rule, _text(visit, rule, question.item))


def short(item: Item, language: str) -> str:
    """A question in a few words."""
    words = " ".join(said(item.raw, "text", language).split()) or item.link_id
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1].rstrip()}…"


def _text(visit: Visit, rule: str, item: Item | None) -> str:
    key = f"questionnaires.wrong.{rule.replace('-', '_')}"
    if item is None or key not in texts():
        return visit.visitor.t("questionnaires.wrong.other", question=short(item, visit.language) if item else "")
    return visit.visitor.t(key, question=short(item, visit.language), limit=_limit(item, rule, visit.language))


def _limit(item: Item, rule: str, language: str) -> str:
    if rule == "max-length":
        return str(item.raw.get("maxLength", ""))
    if rule == "regex":
        return entry_format(item) or str(item.extension(f"{CORE}regex") or "")
    if rule in ("file_size", "attachment-size"):
        return _said(file_limit(item), language)
    if rule in ("file_type", "attachment-type"):
        return ", ".join(values_of(item, MIME_TYPE) or file_types(item))
    urls = (UNIT, UNIT_OPTION) if rule == "unit" else _LIMITS.get(rule, ())
    return ", ".join(_said(each, language) for each in values_of(item, *urls))


def _said(value: Any, language: str) -> str:
    if isinstance(value, dict):
        amount: Resource = value
        if "value" in amount:
            return f"{_said(amount['value'], language)} {amount.get('unit', amount.get('code', ''))}".strip()
        return str(amount.get("display", amount.get("code", "")))
    if isinstance(value, str):
        return day(value, language)
    return str(value).replace(".", ",") if language == "nl" else str(value)
