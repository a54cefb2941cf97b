"""The scoring program of what is installed: a whole one, or what a key adds to what is known of the instrument.
https://hl7.org/fhir/uv/sdc/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.questionnaires.installing.wanted import Problems
from app.questionnaires.instruments import Instrument
from app.questionnaires.items import Form
from app.questionnaires.scoring.against import key_problems
from app.questionnaires.scoring.elements import Place, Unreadable
from app.questionnaires.scoring.reading import read_program

_KEY: Final = ("version", "source", "confirmed", "cut_offs", "missing", "values", "dimensions")
_KEPT: Final = frozenset({"id", "needs", "nl", "en"})
"""Members of a dimension that a key does not change."""


def program_of(data: Mapping[str, Any], base: Instrument | None, problems: Problems) -> Mapping[str, Any] | None:
    """The program of a file as data; None when it has none, and that of its instrument counts."""
    if data.get("scoring") is not None:
        if data.get("key") is not None:
            problems.add("Give key or scoring, and not both.", "key")
        scoring = data["scoring"]
        if not isinstance(scoring, Mapping):
            problems.add("Must be a scoring program.", "scoring")
            return None
        return scoring
    if data.get("key") is None:
        return None
    if base is None or "keyed" not in base.row:
        problems.add("This instrument has no parts that a key completes: give a whole program as scoring.", "key")
        return None
    return _completed(Place(data["key"], "key", []), base, problems)


def check(program: Mapping[str, Any], form: Form, canonical_base: str, problems: Problems) -> None:
    """Note what is wrong with a program, and with it and the Questionnaire together."""
    try:
        read = read_program(program, canonical_base)
    except Unreadable as unreadable:
        for each in unreadable.problems:
            problems.add(each, "scoring")
        return
    for each in key_problems(read, form):
        problems.add(each, "scoring")


def _completed(key: Place, base: Instrument, problems: Problems) -> Mapping[str, Any]:
    """What is known of the instrument with what the key adds to each dimension."""
    given = key.members(*_KEY, needed=("version", "dimensions"))
    keyed: Mapping[str, Any] = base.row["keyed"]
    added = given["dimensions"].value if "dimensions" in given else {}
    if not isinstance(added, Mapping):
        key.fail("dimensions must be a mapping of dimensions by id.")
        added = {}
    dimensions = []
    for template in keyed["dimensions"]:
        brought = added.get(template["id"])
        if not isinstance(brought, Mapping):
            key.fail(f"dimensions lacks {template['id']}, with {', '.join(template['needs'])}.")
            continue
        for name in template["needs"]:
            if name not in brought:
                key.fail(f"dimensions.{template['id']} lacks {name}.")
        for name in _KEPT & brought.keys():
            key.fail(f"dimensions.{template['id']} cannot change {name}.")
        own = {name: value for name, value in template.items() if name != "needs"}
        dimensions.append({**own, **brought})
    known = {each["id"] for each in keyed["dimensions"]}
    for name in added.keys() - known:
        key.fail(f"dimensions has {name}, which a key of this instrument does not complete.")
    for each in key.problems:
        problems.add(each, "key")
    scoring = base.scoring or {}
    said = {name: place.value for name, place in given.items() if name != "dimensions"}
    cut_offs = {"cut_offs": keyed["cut_offs"]} if "cut_offs" in keyed else {}
    return {**scoring, **cut_offs, **said, "dimensions": [*scoring.get("dimensions", ()), *dimensions]}
