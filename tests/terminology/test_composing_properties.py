"""Random value sets: what is said of their codes is true in the whole world, of which only a part is held.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from app.fhir.definitions import load
from app.fhir.packages import Artifact, Library
from app.fhir.resource import Resource
from app.fhir.terminology.composing import selection_of
from app.fhir.terminology.library import LibraryTerminology

HELD, PART, GONE = "urn:held", "urn:part", "urn:gone"
CODES: Final = tuple("abcdefg")
PARENTS: Final[Mapping[str, str]] = {"b": "a", "c": "a", "d": "b", "e": "d"}
COLOURS: Final[Mapping[str, str]] = {"a": "red", "c": "red", "d": "blue", "e": "green"}
RETIRED: Final = frozenset({"e", "f"})
KNOWN_OF_PART: Final = frozenset({"a", "b", "d", "f"})
"""What is held of the system of which a part is held; what a concept has is held with it."""
GONE_SET: Final = "urn:vs:gone"


def concept(code: str) -> Resource:
    properties = [{"code": "status", "valueCode": "retired" if code in RETIRED else "active"}]
    if code in COLOURS:
        properties.append({"code": "colour", "valueString": COLOURS[code]})
    if code in PARENTS:
        properties.append({"code": "parent", "valueCode": PARENTS[code]})
    return {"code": code, "display": f"Concept {code}", "property": properties}


def code_system(url: str, codes: frozenset[str] | tuple[str, ...], content: str) -> Resource:
    return {
        "resourceType": "CodeSystem",
        "url": url,
        "status": "active",
        "content": content,
        "concept": [concept(code) for code in CODES if code in codes],
    }


SYSTEMS: Final = (code_system(HELD, CODES, "complete"), code_system(PART, KNOWN_OF_PART, "fragment"))


def filters() -> st.SearchStrategy[Resource]:
    code = st.sampled_from(CODES)
    codes = st.lists(code, max_size=3).map(",".join)
    colours = st.sampled_from(["red", "blue", "red,green", "none"])
    return st.one_of(
        st.builds(
            lambda op, value: {"property": "concept", "op": op, "value": value},
            st.sampled_from(["is-a", "descendent-of", "is-not-a", "generalizes"]),
            code,
        ),
        st.builds(
            lambda op, value: {"property": "code", "op": op, "value": value}, st.sampled_from(["in", "not-in"]), codes
        ),
        st.builds(
            lambda op, value: {"property": "colour", "op": op, "value": value},
            st.sampled_from(["=", "in", "not-in"]),
            colours,
        ),
        st.builds(
            lambda value: {"property": "colour", "op": "exists", "value": value}, st.sampled_from(["true", "false"])
        ),
        st.builds(
            lambda value: {"property": "code", "op": "regex", "value": value}, st.sampled_from(["[a-c]", "d|f", "z"])
        ),
        st.builds(lambda value: {"property": "parent", "op": "=", "value": value}, code),
    )


@st.composite
def parts(draw: st.DrawFn, imports: tuple[str, ...], systems: tuple[str, ...]) -> Resource:
    made: Resource = {}
    importing = draw(st.booleans())
    if imports and importing:
        made["valueSet"] = draw(st.lists(st.sampled_from(imports), min_size=1, max_size=2))
    if "valueSet" not in made or draw(st.booleans()):
        made["system"] = draw(st.sampled_from(systems))
        kind = draw(st.integers(0, 2))
        if kind == 0:
            made["concept"] = [
                {"code": each} for each in draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=3))
            ]
        elif kind == 1:
            made["filter"] = draw(st.lists(filters(), min_size=1, max_size=2))
    return made


@st.composite
def worlds(draw: st.DrawFn, systems: tuple[str, ...], gone: tuple[str, ...]) -> dict[str, Resource]:
    """Three value sets, each of which may import those before it, and ``gone``, which is nowhere held."""
    made: dict[str, Resource] = {}
    for name in ("urn:vs:0", "urn:vs:1", "urn:vs:2"):
        part = parts((*made, *gone), systems)
        compose: Resource = {"include": draw(st.lists(part, min_size=1, max_size=3))}
        if exclude := draw(st.lists(part, max_size=2)):
            compose["exclude"] = exclude
        if draw(st.integers(0, 4)) == 0:
            compose["inactive"] = False
        made[name] = {"resourceType": "ValueSet", "url": name, "status": "active", "compose": compose}
    return made


def ancestors(code: str) -> list[str]:
    return [code, *ancestors(PARENTS[code])] if code in PARENTS else [code]


def passes(condition: Resource, code: str) -> bool:
    value, wanted = condition["value"], condition["value"].split(",")
    found: Mapping[str, str | None] = {
        "code": code,
        "concept": code,
        "colour": COLOURS.get(code),
        "parent": PARENTS.get(code),
    }
    have = found[condition["property"]]
    answers: dict[str, Any] = {
        "is-a": lambda: value in ancestors(code),
        "descendent-of": lambda: value in ancestors(code) and value != code,
        "is-not-a": lambda: value not in ancestors(code),
        "generalizes": lambda: code in ancestors(value),
        "=": lambda: have == value,
        "in": lambda: have in wanted,
        "not-in": lambda: have not in wanted,
        "exists": lambda: (have is not None) == (value == "true"),
        "regex": lambda: have is not None and re.fullmatch(value, have) is not None,
    }
    return bool(answers[condition["op"]]())


def selects(part: Resource, world: Mapping[str, Resource], gone: frozenset[str], system: str, code: str) -> bool:
    """What one part says of a code, where everything is known: of the value set that is not held, ``gone``."""
    if "system" in part:
        listed = [each["code"] for each in part.get("concept", ())]
        if part["system"] != system or (listed and code not in listed):
            return False
        if not all(passes(each, code) for each in part.get("filter", ())):
            return False
    return all(
        code in gone if each == GONE_SET else has(world[each], world, gone, system, code)
        for each in part.get("valueSet", ())
    )


def has(value_set: Resource, world: Mapping[str, Resource], gone: frozenset[str], system: str, code: str) -> bool:
    compose = value_set["compose"]
    return (
        any(selects(each, world, gone, system, code) for each in compose["include"])
        and not any(selects(each, world, gone, system, code) for each in compose.get("exclude", ()))
        and not (compose.get("inactive") is False and code in RETIRED)
    )


def terminology(world: Mapping[str, Resource]) -> LibraryTerminology:
    artifacts = [Artifact.of(each, fhir_version="4.0.1", package="a#1") for each in (*SYSTEMS, *world.values())]
    return LibraryTerminology(Library(artifacts), load("4.0.1"))


@settings(max_examples=100)
@given(worlds((HELD,), ()))
def test_where_everything_is_held_the_codes_are_those_of_the_definition(world: dict[str, Resource]) -> None:
    held = terminology(world)
    for name, value_set in world.items():
        wanted = {(HELD, code) for code in CODES if has(value_set, world, frozenset(), HELD, code)}
        membership = held.membership(name)
        assert membership.concepts == wanted
        assert membership.lacking == ()
        assert {code: membership.verdict(HELD, code) for code in CODES} == {
            code: "in" if (HELD, code) in wanted else "out" for code in CODES
        }
        assert selection_of(held, name).known
        assert set(selection_of(held, name).concepts) == membership.concepts


# A concept that is retired cannot be known to be where its system is not held at all, so of that one none is.
@settings(max_examples=200)
@given(worlds((HELD, PART, GONE), (GONE_SET,)), st.frozensets(st.sampled_from(CODES)))
def test_what_is_said_is_true_whatever_the_rest_of_the_world_holds(
    world: dict[str, Resource], gone: frozenset[str]
) -> None:
    held = terminology(world)
    for name, value_set in world.items():
        membership = held.membership(name)
        selection = selection_of(held, name)
        for system in (HELD, PART, GONE):
            for code in CODES:
                if (system == GONE or (system == PART and code not in KNOWN_OF_PART)) and code in RETIRED:
                    continue
                verdict = membership.verdict(system, code)
                assert verdict == selection.verdict((system, code))
                if verdict != "unknown":
                    truth = has(value_set, world, gone, system, code)
                    assert (verdict == "in") is truth, (name, system, code)
                    assert (system, code) not in membership.doubtful
        if selection.known:
            assert not membership.lacking
        else:
            assert membership.lacking
            assert set(membership.lacking) <= {PART, GONE, GONE_SET}


@settings(max_examples=50)
@given(worlds((HELD, PART), ()))
def test_of_a_system_that_is_held_wholly_every_code_is_told(world: dict[str, Resource]) -> None:
    held = terminology(world)
    for name in world:
        membership = held.membership(name)
        assert all(membership.verdict(HELD, code) != "unknown" for code in CODES)
