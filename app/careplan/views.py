"""A goal as systems of care providers take it: narrowed to what nl-core-TreatmentObjective has room for.

https://github.com/Nictiz/Nictiz-R4-zib2020; MODEL 2, "Profiles". The stored goal has any number of conditions and free
targets, and ``/fhir`` gives that to everyone. Where a *view* is given (``$document``, ``$bgz``, ``$summary``, the STU3
and MedMij bases) it is read-only: the main condition is the one in ``addresses``, the further ones and the free targets
are extensions, and the targets are said again in words in the only ``note``. Nothing of the goal is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.careplan.document.dates import Language, day
from app.careplan.document.texts import Texts
from app.careplan.document.values import concept_text, quantity_text, range_text
from app.careplan.names import Names
from app.careplan.plan import local
from app.careplan.refusals import refusal
from app.errors import Unprocessable
from app.fhir.resource import Resource

TREATMENT_OBJECTIVE: Final = "http://nictiz.nl/fhir/StructureDefinition/nl-core-TreatmentObjective"
Coded = Callable[[Resource], bool]
"""Whether what a target measures, and its coded detail, are in the code lists that the profile asks for."""
_DETAIL: Final = "detail"


def never_coded(_target: Resource) -> bool:
    """For who holds no code lists: every target that says more than a day is free."""
    return False


def goal_view(goal: Resource, names: Names, *, language: Language = "nl", coded: Coded = never_coded) -> Resource:
    """A copy that follows nl-core-TreatmentObjective and claims it. ``language``: of the words in the note."""
    texts = Texts(language)
    main, further, others = _conditions(goal.get("addresses", []))
    kept, free = _targets(goal.get("target", []), coded)
    view = {name: value for name, value in goal.items() if name not in ("addresses", "target", "note")}
    profiles = [each for each in goal.get("meta", {}).get("profile", ()) if each != TREATMENT_OBJECTIVE]
    view["meta"] = {**goal.get("meta", {}), "profile": [*profiles, TREATMENT_OBJECTIVE]}
    extensions = [
        *goal.get("extension", ()),
        *({"url": names.extension("further-condition"), "valueReference": each} for each in further),
        *(_free_target(each, names) for each in free),
    ]
    if extensions:
        view["extension"] = extensions
    if main is not None:
        view["addresses"] = [main]
    if kept:
        view["target"] = kept
    note = _note(goal.get("note", []), [target_in_words(each, texts) for each in free], others, texts)
    if note is not None:
        view["note"] = [note]
    return view


def read_only(plan_id: str, *elements: str) -> Unprocessable:
    """The refusal of a write through a view: what it is of is changed as it is stored, or by a proposal."""
    return refusal("view-read-only", *elements, id=plan_id)


def target_in_words(target: Resource, texts: Texts) -> str:
    """What is to be reached, and when, as a line: ``minuten wandelen per keer: 30 min (voor 1 maart 2027)``."""
    measure = concept_text(target.get("measure"))
    detail = _detail_in_words(target, texts)
    due = _due_in_words(target, texts)
    text = f"{measure}: {detail}" if measure and detail else measure or detail
    if text and due:
        return f"{text} ({due})"
    return text or due


def _conditions(addresses: list[Resource]) -> tuple[Resource | None, list[Resource], list[Resource]]:
    """The main one, the further conditions, and what else it is about. What is no Condition is the main one only where
    no Condition is named.
    """
    of_condition = [each for each in addresses if _is_condition(each)]
    others = [each for each in addresses if not _is_condition(each)]
    if of_condition:
        return of_condition[0], of_condition[1:], others
    return (others[0], [], others[1:]) if others else (None, [], [])


def _is_condition(reference: Resource) -> bool:
    found = local(reference)
    return reference.get("type", "Condition") == "Condition" if found is None else found[0] == "Condition"


def _targets(targets: list[Resource], coded: Coded) -> tuple[list[Resource], list[Resource]]:
    """What stays in ``target``, and the free ones; of those the day stays, which is free in the profile."""
    kept: list[Resource] = []
    free: list[Resource] = []
    for each in targets:
        says_more = any(name.startswith((_DETAIL, "measure", "dueDuration")) for name in each)
        if not says_more or coded(each):
            kept.append(each)
            continue
        free.append(each)
        if "dueDate" in each:
            kept.append({"dueDate": each["dueDate"]})
    return kept, free


def _free_target(target: Resource, names: Names) -> Resource:
    parts: list[Resource] = []
    if "measure" in target:
        parts.append({"url": "measure", "valueCodeableConcept": target["measure"]})
    for name, value in target.items():
        if name.startswith(_DETAIL):
            parts.append({"url": "detail", f"value{name.removeprefix(_DETAIL)}": value})
        elif name.startswith("due"):
            parts.append({"url": "due", f"value{name.removeprefix('due')}": value})
    return {"url": names.extension("free-target"), "extension": parts}


def _note(notes: list[Resource], targets: list[str], others: list[Resource], texts: Texts) -> Resource | None:
    """All notes as one, and what the profile has no room for in words. A note that is alone stays as it is."""
    added = [texts("view.target", target=each) for each in targets if each]
    named = [each.get("display") or each.get("reference", "") for each in others]
    if any(named):
        added.append(texts("view.about", about="; ".join(filter(None, named))))
    if not notes and not added:
        return None
    if len(notes) == 1 and not added:
        return notes[0]
    said = [_said(each, texts) for each in notes]
    return {"text": "\n".join([*said, *added])}


def _said(note: Resource, texts: Texts) -> str:
    """One note in a text of several: when and by whom it was said goes before it."""
    author = note.get("authorString") or note.get("authorReference", {}).get("display", "")
    before = ", ".join(filter(None, (day(note["time"], texts.language) if "time" in note else "", author)))
    text = note.get("text", "")
    return f"{before}: {text}" if before else text


def _detail_in_words(target: Resource, texts: Texts) -> str:
    for name, value in target.items():
        match name:
            case "detailQuantity":
                return quantity_text(value, texts)
            case "detailRange":
                return range_text(value, texts)
            case "detailCodeableConcept":
                return concept_text(value)
            case "detailBoolean":
                return texts("target.yes" if value else "target.no")
            case "detailInteger":
                return str(value)
            case "detailString":
                return str(value)
            case "detailRatio":
                parts = (quantity_text(value.get("numerator"), texts), quantity_text(value.get("denominator"), texts))
                return " / ".join(filter(None, parts))
    return ""


def _due_in_words(target: Resource, texts: Texts) -> str:
    if "dueDate" in target:
        return texts("target.due", day=day(target["dueDate"], texts.language))
    if "dueDuration" in target:
        return texts("target.within", duration=quantity_text(target["dueDuration"], texts))
    return ""
