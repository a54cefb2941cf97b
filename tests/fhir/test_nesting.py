"""A resource that is valid can be written as XML, in a Bundle and with its narrative, and read again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.fhir import definitions
from app.fhir.markup import MAX_DEPTH, NARRATIVE_DEPTH
from app.fhir.validation import validate
from app.fhir.validation.nesting import DEEPEST, depth
from app.fhir.xml import from_xml, to_xml
from tests.fhir.samples import WEIGHT, changed

R4 = definitions.load("4.0.1")

Build = Callable[[int], dict[str, Any]]


def extensions(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"url": "urn:x", "valueCode": "y"}
    for _ in range(levels - 1):
        inner = {"url": "urn:x", "extension": [inner]}
    return changed(WEIGHT, extension=[inner])


def items(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"linkId": "1"}
    for _ in range(levels - 1):
        inner = {"linkId": "1", "item": [inner]}
    return {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "urn:q", "item": [inner]}


def parameters(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"name": "x", "valueCode": "y"}
    for _ in range(levels - 1):
        inner = {"name": "x", "part": [inner]}
    return {"resourceType": "Parameters", "parameter": [inner]}


def beside(levels: int) -> dict[str, Any]:
    """Extensions of values of extensions: two levels each."""
    inner: dict[str, Any] = {"url": "urn:x", "valueCode": "y"}
    for _ in range(levels // 2 - 1):
        inner = {"url": "urn:x", "_valueCode": {"extension": [inner]}}
    return changed(WEIGHT, extension=[inner])


def assigners(levels: int) -> dict[str, Any]:
    """References in identifiers in references: two levels each."""
    inner: dict[str, Any] = {"display": "x"}
    for _ in range((levels - 1) // 2):
        inner = {"identifier": {"value": "x", "assigner": inner}}
    return changed(WEIGHT, performer=[inner])


def bundles(levels: int) -> dict[str, Any]:
    """Bundles in Bundles: an entry, its resource and the Bundle."""
    inner: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    for _ in range(levels // 3):
        inner = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}]}
    return inner


SHAPES: list[Build] = [extensions, items, parameters, beside, assigners, bundles]


@pytest.mark.parametrize("build", SHAPES)
def test_what_is_not_too_deep_is_valid_and_can_be_read_again(build: Build) -> None:
    deep = build(DEEPEST)
    assert DEEPEST - 2 <= depth(deep) <= DEEPEST
    assert validate(deep, R4) == []
    around = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": deep}]}
    assert from_xml(to_xml(around, R4), R4) == around


@pytest.mark.parametrize("build", SHAPES)
@pytest.mark.parametrize("levels", [DEEPEST + 3, MAX_DEPTH + 3, 400, 3000])
def test_what_is_too_deep_is_refused_by_one_clear_issue(build: Build, levels: int) -> None:
    (issue,) = validate(build(levels), R4)
    assert issue.code == "structure"
    assert f"more than {DEEPEST} levels" in issue.diagnostics


def test_the_deepest_resource_may_have_the_deepest_narrative() -> None:
    text = "<b>" * (NARRATIVE_DEPTH - 1) + "x" + "</b>" * (NARRATIVE_DEPTH - 1)
    narrative = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}
    inner: dict[str, Any] = {"resourceType": "Basic", "code": {"text": "x"}, "text": narrative}
    for _ in range((DEEPEST - 1) // 3):
        inner = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}]}
    assert DEEPEST - 3 <= depth(inner) <= DEEPEST
    assert validate(inner, R4) == []
    assert from_xml(to_xml(inner, R4), R4) == inner


@pytest.mark.parametrize("build", SHAPES)
def test_there_is_room_for_the_calls_of_a_server_around_it(build: Build) -> None:
    def within(calls: int) -> int:
        return within(calls - 1) if calls else len(validate(build(DEEPEST), R4))

    assert within(80) == 0


def test_a_deep_resource_leaves_no_trace_for_the_next() -> None:
    for _ in range(3):
        assert len(validate(extensions(3000), R4)) == 1
        assert len(validate(items(250), R4)) == 1
        assert validate(WEIGHT, R4) == []
        assert validate(extensions(100), R4) == []


def test_threads_do_not_count_each_others_levels() -> None:
    found: list[int] = []

    def run() -> None:
        found.extend(len(validate(extensions(levels), R4)) for levels in (100, 250) * 10)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0] * 40 + [1] * 40
