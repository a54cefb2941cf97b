"""Sections of the goals, in their own words, and of how it goes with them. https://hl7.org/fhir/R4/goal.html"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.careplan.cycle import Side
from app.careplan.document.content import Item, Line, Telling
from app.careplan.document.dates import day
from app.careplan.document.gather import Key
from app.careplan.document.people import who
from app.careplan.document.told import conditions_of
from app.careplan.document.values import concept_text
from app.careplan.evaluation import side_in
from app.careplan.plan import OPEN_GOALS, goals_of
from app.careplan.views import target_in_words
from app.fhir.resource import Resource

_RELATION: Final = "http://hl7.org/fhir/StructureDefinition/goal-relationship"
_NOT_SHOWN: Final = frozenset({"entered-in-error", "rejected"})
_PERSONAL: Final = "personal"
_OF_THE_GOAL: Final = ("importance", "confidence")
_MINUS: Final = "\N{MINUS SIGN}"
_SAID: Final = ("goal-evaluation", "how-is-it-going", "goal-attainment")


def shown_goals(telling: Telling) -> list[Resource]:
    """The goals in the order of the plan, those that are done or stopped last."""
    found = [telling.gathered.resources.get(("Goal", each)) for each in goals_of(telling.gathered.plan)]
    goals = [each for each in found if each is not None and each.get("lifecycleStatus") not in _NOT_SHOWN]
    return sorted(goals, key=lambda each: each.get("lifecycleStatus") not in OPEN_GOALS)


def goals(telling: Telling) -> list[Item]:
    """Every goal: its words first."""
    return [_goal(each, telling) for each in shown_goals(telling)]


def evaluations(telling: Telling) -> list[Item]:
    """Per goal what each side said last of it."""
    return [item for goal in shown_goals(telling) if (item := _evaluation(goal, telling)) is not None]


def parts(extension: Any) -> dict[str, Any]:
    """The values of a complex extension by name; of those that are there more than once the last one."""
    found: dict[str, Any] = {}
    for each in extension.get("extension", ()):
        value = next((value for name, value in each.items() if name.startswith("value")), None)
        if value is not None:
            found[each["url"]] = value
    return found


def _of(resource: Resource, url: str) -> list[Resource]:
    return [each for each in resource.get("extension", ()) if each.get("url") == url]


def _goal(goal: Resource, telling: Telling) -> Item:
    texts = telling.texts
    brief = [
        *telling.line(
            "goal.target", "; ".join(filter(None, (target_in_words(each, texts) for each in goal.get("target", ()))))
        ),
        *telling.line("goal.status", _status(goal, telling)),
        *telling.line("goal.stopped", concept_text_or(goal.get("statusReason"))),
        *_numbers(goal, telling),
    ]
    conditions, named = conditions_of(goal.get("addresses", ()), telling)
    more = [
        *telling.line("goal.kind", _kind(goal, telling)),
        *telling.line("goal.conditions", conditions),
        *telling.line("goal.barriers", _newest_text(goal, "barriers", telling)),
        *telling.line("goal.steps", "\n".join(_steps(goal, telling))),
        *telling.line("goal.levels", "\n".join(_levels(goal, telling))),
        *telling.line("goal.origin", _origin(goal, telling)),
    ]
    for note in goal.get("note", ()):
        more += telling.line("goal.note", note.get("text", ""))
    if "startDate" in goal:
        more += telling.line("goal.since", day(goal["startDate"], texts.language))
    observations = [("Observation", each["id"]) for each in _said(goal, (*_OF_THE_GOAL, "barriers"), telling)]
    return Item(
        concept_text(goal.get("description")),
        tuple(brief),
        tuple(more),
        (("Goal", goal["id"]), *named, *observations),
    )


def concept_text_or(value: Any) -> str:
    """A text, or the words of a CodeableConcept."""
    return value if isinstance(value, str) else concept_text(value)


def _codes(concepts: Any, system: str) -> list[str]:
    return [
        each["code"]
        for concept in concepts or ()
        for each in concept.get("coding", ())
        if each.get("system") == system and each.get("code")
    ]


def _kind(goal: Resource, telling: Telling) -> str:
    codes = _codes(goal.get("category"), telling.names.system("goal-category"))
    kinds = [telling.texts.known(f"goal-kind.{each}") for each in codes if each != _PERSONAL]
    if _PERSONAL in codes:
        kinds.append(telling.texts("goal-kind.personal"))
    text = ", ".join(filter(None, kinds))
    return text[:1].upper() + text[1:]


def _status(goal: Resource, telling: Telling) -> str:
    achieved = [each.get("code", "") for each in goal.get("achievementStatus", {}).get("coding", ())]
    said = [telling.texts.known(f"goal-status.{goal.get('lifecycleStatus', '')}")]
    said += [telling.texts.known(f"achievement.{each}") for each in achieved[:1]]
    text = ", ".join(filter(None, said))
    when = goal.get("statusDate")
    return f"{text} ({day(when, telling.texts.language)})" if when and text else text


def _origin(goal: Resource, telling: Telling) -> str:
    text = who(goal.get("expressedBy"), telling.gathered, telling.texts)
    origins = [parts(each) for each in _of(goal, telling.names.extension("goal-origin"))]
    together = any(each.get("madeTogether") is True for each in origins)
    return ", ".join(filter(None, (text, telling.texts("goal.together") if together else "")))


def _steps(goal: Resource, telling: Telling) -> Iterator[str]:
    """The words of the goals that are steps to this one."""
    for each in _of(goal, _RELATION):
        target = telling.gathered.find(parts(each).get("target"))
        if target is not None and (text := concept_text(target.get("description"))):
            yield text


def _levels(goal: Resource, telling: Telling) -> Iterator[str]:
    levels = [parts(each) for each in _of(goal, telling.names.extension("goal-attainment-level"))]
    for each in sorted(levels, key=lambda each: each.get("level", 0)):
        yield telling.texts("goal.level", level=_signed(each.get("level", 0)), text=each.get("text", ""))


def _signed(level: int) -> str:
    """A score with its sign; nought has none."""
    return f"+{level}" if level > 0 else f"{_MINUS}{-level}" if level < 0 else "0"


def _code_of(observation: Resource, telling: Telling) -> str:
    found = _codes([observation.get("code", {})], telling.names.goal_observations)
    return found[0] if found else ""


def _said(goal: Resource, codes: tuple[str, ...], telling: Telling) -> list[Resource]:
    """The newest Observation of each code and side about a goal."""
    found: dict[tuple[str, Side], Resource] = {}
    for each in telling.gathered.about.get(goal["id"], ()):
        observation = telling.gathered.resources["Observation", each]
        code = _code_of(observation, telling)
        if code in codes and observation.get("status") not in ("entered-in-error", "cancelled"):
            found.setdefault((code, _side(observation, telling)), observation)
    return sorted(found.values(), key=lambda each: codes.index(_code_of(each, telling)))


def _side(observation: Resource, telling: Telling) -> Side:
    return side_in(observation, telling.gathered.representing)


def _numbers(goal: Resource, telling: Telling) -> Iterator[Line]:
    """What the person rates as theirs, and what somebody else does under their name."""
    texts = telling.texts
    found: dict[str, list[str]] = {}
    for each in _said(goal, _OF_THE_GOAL, telling):
        if "valueInteger" in each:
            performer = next(iter(each.get("performer", ())), None)
            name = who(performer, telling.gathered, texts) or texts("source.somebody")
            label = texts("goal.numbers") if _side(each, telling) == "patient" else texts("goal.numbers-of", who=name)
            found.setdefault(label, []).append(texts(f"goal.{_code_of(each, telling)}", value=each["valueInteger"]))
    for label, numbers in found.items():
        yield Line(label, ", ".join(numbers))


def _newest_text(goal: Resource, code: str, telling: Telling) -> str:
    return next((each.get("valueString", "") for each in _said(goal, (code,), telling)), "")


def _evaluation(goal: Resource, telling: Telling) -> Item | None:
    """Who said what last: one line per side and kind."""
    lines: list[Line] = []
    keys: list[Key] = []
    by_side = sorted(_said(goal, _SAID, telling), key=lambda each: _side(each, telling) != "patient")
    for each in by_side:
        performer = next(iter(each.get("performer", ())), None)
        name = who(performer, telling.gathered, telling.texts)
        when = each.get("effectiveDateTime", "")
        label = telling.texts("evaluation.said", who=name, day=day(when, telling.texts.language)) if when else name
        notes = [note.get("text", "").strip() for note in each.get("note", ())]
        text = ". ".join(part.rstrip(".") for part in (_value(each, goal, telling), *notes) if part)
        if text:
            lines.append(Line(label, text + "."))
            keys.append(("Observation", each["id"]))
    return Item(concept_text(goal.get("description")), tuple(lines), (), tuple(keys)) if lines else None


def _value(observation: Resource, goal: Resource, telling: Telling) -> str:
    texts = telling.texts
    if "valueCodeableConcept" in observation:
        value = observation["valueCodeableConcept"]
        code = next((each.get("code", "") for each in value.get("coding", ())), "")
        return texts.known(f"achievement.{code}") or concept_text(value)
    if "valueInteger" not in observation:
        return str(observation.get("valueString", ""))
    value = observation["valueInteger"]
    if _code_of(observation, telling) == "how-is-it-going":
        return texts("evaluation.going", value=value)
    meaning = [parts(each) for each in _of(goal, telling.names.extension("goal-attainment-level"))]
    text = next((each.get("text", "") for each in meaning if each.get("level") == value), "")
    if text:
        return texts("evaluation.score-means", score=_signed(value), text=text)
    return texts("evaluation.score", score=_signed(value))
