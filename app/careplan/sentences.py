"""What was done to the plan, in one sentence: who, what, when. The words are data (``sentences.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from string import Formatter
from types import MappingProxyType
from typing import Any, Final

import msgspec

from app.careplan.difference import Item
from app.careplan.names import Names
from app.careplan.past import Member, Revision
from app.careplan.words import LANGUAGES, Words, day, day_of_instant, each_language, filled, quoted, sentence_of, table
from app.fhir.resource import Resource

MOST_TOLD: Final = 3
"""Changes that one sentence names."""
_STATUS: Final = "lifecycleStatus"
_WORDS: Final = "goal.words"
_PUT: Final = "goal.status"
_ANYWAY: Final = frozenset({_STATUS, "statusDate", "statusReason", "achievementStatus", "meta"})
"""What comes along with another status of a goal."""


class Clause(msgspec.Struct, frozen=True):
    """One change in words: a row of the table and its facts."""

    row: str
    facts: Mapping[str, Words]

    def did(self, who: Words) -> Words:
        """It as a sentence of its own, without a full stop."""
        return self._in("did", who)

    @property
    def part(self) -> Words:
        """It as a part of a sentence."""
        return self._in("part", None)

    def _in(self, form: str, who: Words | None) -> Words:
        facts = self.facts if who is None else {**self.facts, "who": who}
        return {
            language: "".join([text if name is None else text + facts[name][language] for text, name in pieces])
            for language, pieces in _pieces(self.row, form)
        }


def clause_of(item: Item, goals: Mapping[str, Words] = MappingProxyType({})) -> Clause:
    """What an item says. ``goals``: the words of goals that are not in the item itself, by id."""
    if item.part == "goal" and item.kind == "changed":
        return _goal_changed(item)
    if item.part == "activity" and item.kind == "changed":
        return _activity_changed(item)
    was, now = item.before, item.after
    row = f"{item.part}.{item.kind}"
    if row not in table()["changes"]:
        row = f"*.{item.kind}"
    part = (was or now) if item.kind == "removed" else (now or was)
    facts: dict[str, Words] = {}
    for name in _asked_by(row):
        if name == "what":
            facts[name] = goals[item.key] if part is None and item.key in goals else words_of(part)
        elif name == "where":
            facts[name] = element(item.part)
        else:
            facts[name] = _value(item, was if name == "before" else now)
    return Clause(row, facts)


@cache
def _pieces(row: str, form: str) -> Sequence[tuple[str, Sequence[tuple[str, str | None]]]]:
    """A row of the table in each language: texts, and the fact behind each of them."""
    words = table()["changes"][row]
    return [(each, [(text, name) for text, name, _, _ in Formatter().parse(words[each][form])]) for each in LANGUAGES]


@cache
def _asked_by(row: str) -> frozenset[str]:
    """The facts that a row of the table names."""
    forms = [text for words in table()["changes"][row].values() for text in words.values()]
    named = {name for text in forms for _, name, _, _ in Formatter().parse(text) if name}
    return frozenset(named & {"what", "where", "before", "after"})


def clause_of_member(member: Member, kind: str, names: Names) -> Clause:
    """What is new, gone or changed of what the plan shows beside its own parts."""
    if kind == "added" and member.type == "Observation":
        codings = (member.resource() or {}).get("code", {}).get("coding", ())
        if any(each.get("system") == names.goal_observations for each in codings):
            return Clause("evaluation.added", {})
    if kind == "added" and member.type == "QuestionnaireResponse":
        form = str((member.resource() or {}).get("questionnaire", "")).partition("|")[0]
        if form == f"{names.base}/Questionnaire/samen-beslissen":
            return Clause("decision.added", {})
    return Clause(f"shown.{kind}", {"where": element(member.type)})


HIDDEN_CLAUSE: Final = Clause("hidden.changed", {})
ERASED_CLAUSE: Final = Clause("erased.changed", {})


def words_of(part: Any) -> Words:
    """The words of a goal or agreement, between quotes; dots where it has none."""
    if isinstance(part, dict):
        detail, reference = part.get("detail"), part.get("reference")
        texts = [_text(part, "description")]
        if isinstance(detail, dict):
            texts += [detail.get("description"), _text(detail, "code")]
        texts.append(reference.get("display") if isinstance(reference, dict) else part.get("display"))
        for text in texts:
            if isinstance(text, str):
                return quoted(text)
    return dict.fromkeys(LANGUAGES, "…")


def _text(holder: Resource, name: str) -> Any:
    """The text of a concept."""
    concept = holder.get(name)
    return concept.get("text") if isinstance(concept, dict) else None


def element(name: str) -> Words:
    """What an element is called."""
    listed = table()["elements"]
    found: Words = listed.get(name) or listed["*"]
    return found


def _goal_changed(item: Item) -> Clause:
    row, where = _goal_row(tuple([each.address[0] for each in item.elements]))
    was, now = item.before or {}, item.after or {}
    if row == _WORDS:
        return Clause(row, {"before": words_of(was), "after": words_of(now)})
    what = words_of(now or was)
    if row == _PUT:
        return Clause(row, {"what": what, "before": status(was.get(_STATUS)), "after": status(now.get(_STATUS))})
    return Clause(row, {"what": what, "where": where})


@lru_cache(maxsize=512)
def _goal_row(elements: tuple[str, ...]) -> tuple[str, Words]:
    """The row of the table for a goal of which these elements changed, and what they are called."""
    names = tuple(dict.fromkeys([each.removeprefix("_") for each in elements]))
    if "description" in names and set(names) <= {"description", "meta"}:
        row = _WORDS
    elif _STATUS in names and set(names) <= _ANYWAY:
        row = _PUT
    else:
        row = "goal.changed"
    return row, _listed(names)


def _activity_changed(item: Item) -> Clause:
    addresses = [each.address for each in item.elements]
    names = list(dict.fromkeys(each[3] if each[2] == "detail" and len(each) > 3 else each[2] for each in addresses))
    if names == ["description"]:
        return Clause("activity.words", {"before": words_of(item.before), "after": words_of(item.after)})
    return Clause("activity.changed", {"what": words_of(item.after or item.before), "where": _listed((*names,))})


@lru_cache(maxsize=512)
def _listed(names: tuple[str, ...]) -> Words:
    """Elements in a row: the description and the target."""
    known = [each for each in names if each not in ("meta", "statusDate")] or names
    words = [element(each) for each in known]
    distinct = [words[at] for at in range(len(words)) if words[at] not in words[:at]]

    def joined(language: str) -> str:
        texts = [each[language] for each in distinct]
        link = " en " if language == "nl" else " and "
        return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])}{link}{texts[-1]}"

    return each_language(joined)


def status(code: Any) -> Words:
    """A status of a goal or plan."""
    found: Words = table()["statuses"].get(code) or dict.fromkeys(LANGUAGES, str(code or "…"))
    return found


def _value(item: Item, value: Any) -> Words:
    """What something was or became, where that can be said in a few words."""
    if item.part == "next-review" and isinstance(value, str):
        return day(value)
    if item.part == "status":
        return status(value)
    if item.part == "phase":
        return _phase(value)
    if item.part in ("goal", "activity"):
        return words_of(value)
    if item.part == "note" and isinstance(value, dict):
        value = value.get("text")
    return quoted(value) if isinstance(value, str) else dict.fromkeys(LANGUAGES, "…")


def _phase(value: Any) -> Words:
    listed = value[0].get("extension", ()) if isinstance(value, list) and value else ()
    parts = {each.get("url"): each for each in listed}
    row = table()["phases"].get(parts.get("phase", {}).get("valueCode"))
    cycle = str(parts.get("cycle", {}).get("valuePositiveInt", ""))
    return dict.fromkeys(LANGUAGES, "…") if row is None else filled(row, cycle=cycle)


def sentence(revision: Revision, clauses: Sequence[Clause], who: Words, names: Names, *, restored: int = 0) -> Words:
    """Of one revision: its day, who did it, and what. ``restored``: the number of the revision that it brought back, 0
    where that is not known.
    """
    when = day_of_instant(revision.recorded)
    rows = table()["events"]
    event = revision.event
    by_mouth = f"{event}-by-mouth"
    if by_mouth in rows and revision.extensions(names.extension("word-of-mouth")):
        event = by_mouth
    if event == "restore" and not restored:
        event = "restore-unknown"
    if event == "revise" and revision.has_source:
        event = "revise-objection"
    row = rows.get(event) or rows["change"]
    told = _once([each for each in clauses if each.row not in row.get("tells", ())])
    if event == "change" and len(told) == 1:
        return sentence_of(_joined(when, told[0].did(who)))
    said = filled(row, who=who, number=_decided(revision, names), restored=str(restored))
    details = [each.part for each in told[:MOST_TOLD]]
    if len(told) > MOST_TOLD:
        more = len(told) - MOST_TOLD
        details.append(filled(table()["one-more"] if more == 1 else table()["more"], number=str(more)))
    reason = _reason(revision, names)
    if reason is not None:
        details.insert(0, reason)
    if not details:
        return sentence_of(_joined(when, said))
    return sentence_of(
        each_language(
            lambda language: f"{when[language]}: {said[language]}: {'; '.join(each[language] for each in details)}"
        )
    )


def _once(clauses: Sequence[Clause]) -> list[Clause]:
    """What reads alike is said once: several things that were said of the same goal, say."""
    return list({each.part["nl"]: each for each in clauses}.values()) if len(clauses) > 1 else [*clauses]


def _joined(when: Words, said: Words) -> Words:
    return each_language(lambda language: f"{when[language]}: {said[language]}")


def _decided(revision: Revision, names: Names) -> Words:
    """About how many goals was decided."""
    number = len(revision.extensions(names.extension("goal-decision"))) if revision.event == "decide" else 0
    rows = table()["goals"]
    return filled(rows["one" if number == 1 else "many"], number=str(number))


def _reason(revision: Revision, names: Names) -> Words | None:
    """Why it was done, where somebody said so."""
    for concept in revision.reasons:
        if isinstance(concept.get("text"), str):
            return quoted(concept["text"])
        for coding in concept.get("coding", ()):
            if coding.get("system") == names.system("revision-reason"):
                found: Words | None = table()["reasons"].get(coding.get("code"))
                return found
    return None
