"""Templates of a plan as PlanDefinitions and ActivityDefinitions, made from ``templates.yaml``.

``python -m app.careplan.templates`` writes them to ``medmij_profiles``, under the canonical base that an adopting
organisation replaces. https://hl7.org/fhir/R4/plandefinition.html https://hl7.org/fhir/R4/activitydefinition.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from app.careplan.names import Names
from app.config import CANONICAL_BASE, RELEASED, VERSION
from app.fhir.resource import Resource, encode

FOLDER: Final = Path(__file__).parents[2] / "medmij_profiles"
LOINC: Final = "http://loinc.org"
TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"
_FOLDERS: Final = {"PlanDefinition": "plandefinitions", "ActivityDefinition": "activitydefinitions"}
_KIND_OF_PLAN: Final = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/plan-definition-type", "code": "clinical-protocol"}]
}
_USE: Final = "http://terminology.hl7.org/CodeSystem/usage-context-type"
Row = Mapping[str, Any]


@cache
def table() -> Row:
    """``templates.yaml``."""
    found: Row = yaml.load(Path(__file__).with_name("templates.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return found


def definitions(names: Names) -> Iterator[Resource]:
    """Every definition."""
    for name, row in table()["activities"].items():
        if "questionnaire" not in row:  # that is its own definition
            yield _activity(name, row, names)
    for name, row in table()["templates"].items():
        yield _template(name, row, names)


def files() -> dict[Path, bytes]:
    """The files in ``medmij_profiles`` and their content."""
    return {
        Path(_FOLDERS[each["resourceType"]]) / f"{each['resourceType']}-{each['id']}.json": (
            msgspec.json.format(encode(each), indent=2) + b"\n"
        )
        for each in definitions(Names(CANONICAL_BASE))
    }


def said(name: str, words: Mapping[str, str]) -> Resource:
    """An element in Dutch, with the English beside it."""
    translation = {
        "url": TRANSLATION,
        "extension": [{"url": "lang", "valueCode": "en"}, {"url": "content", "valueString": words["en"]}],
    }
    return {name: words["nl"], f"_{name}": {"extension": [translation]}}


def _about(kind: str, name: str, title: Mapping[str, str], names: Names) -> Resource:
    pascal = "".join(part.capitalize() for part in name.split("-"))
    return {
        "resourceType": kind,
        "id": name,
        "language": "nl",
        "url": f"{names.base}/{kind}/{name}",
        "version": VERSION,
        "name": f"{'Template' if kind == 'PlanDefinition' else 'Agreement'}{pascal}",
        **said("title", title),
        "status": "active",
        "experimental": True,
        "date": RELEASED,
        "publisher": "Zelfregie",
        **said("description", table()["text"]["example"]),
    }


def _activity(name: str, row: Row, names: Names) -> Resource:
    form = {"coding": [{"system": names.system("agreement-form"), "code": row["form"]}]}
    found: dict[str, Any] = {**_about("ActivityDefinition", name, row, names), "topic": [form], "kind": "Task"}
    if "often" in row:
        often = row["often"]
        repeat = {"frequency": often["times"], "period": often["every"], "periodUnit": often["unit"]}
        found["timingTiming"] = {"repeat": repeat}
    if "measure" in row:
        found["code"] = _measure(row["measure"])
    if "named" in row:
        found["relatedArtifact"] = [{"type": "documentation", "display": row["named"]}]
    return found


def _template(name: str, row: Row, names: Names) -> Resource:
    conditions = [{"system": system, "code": code} for system, code in row["conditions"]]
    use = {"code": {"system": _USE, "code": "focus"}, "valueCodeableConcept": {"coding": conditions}}
    return {
        **_about("PlanDefinition", name, row["title"], names),
        "type": _KIND_OF_PLAN,
        "useContext": [use],
        "goal": [_goal(key, goal, conditions, names) for key, goal in row["goals"].items()],
        "action": [_action(key, goals, names) for key, goals in row["actions"].items()],
    }


def _goal(key: str, row: Row, conditions: list[Resource], names: Names) -> Resource:
    goal: dict[str, Any] = {
        "id": key,
        "category": {"coding": [{"system": names.system("goal-category"), "code": row["kind"]}]},
        "description": said("text", row),
        "addresses": [{"coding": conditions}],
    }
    weeks = {"value": row["weeks"], "unit": "wk", "system": "http://unitsofmeasure.org", "code": "wk"}
    target: dict[str, Any] = {"due": weeks}
    if "measure" in row:
        target["measure"] = _measure(row["measure"])
    goal["target"] = [target]
    return goal


def _action(key: str, goals: list[str], names: Names) -> Resource:
    row = table()["activities"][key]
    place = f"Questionnaire/{row['questionnaire']}" if "questionnaire" in row else f"ActivityDefinition/{key}"
    action: dict[str, Any] = {"id": key, **said("title", row), "definitionCanonical": f"{names.base}/{place}"}
    if goals:
        action["goalId"] = goals
    return action


def _measure(row: Row) -> Resource:
    return {"coding": [{"system": LOINC, "code": row["code"]}], **said("text", row["text"])}


if __name__ == "__main__":
    for place, content in files().items():
        (FOLDER / place).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / place).write_bytes(content)
