"""What we write of a kind with a profile passes it, with the national packages as they were published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.definitions import load
from app.fhir.profiles.verdicts import claimed_issues
from app.fhir.resource import Resource, decode, encode
from app.fhir.validation import validate
from app.measurements.kinds import Kind, Moment, kinds
from app.measurements.readings import moment_in, readings_in
from app.measurements.writing import R4, Measured, observation_of
from tests.measurements.measuring import PATIENT, TAKEN, usual
from tests.profiles.official import library, profiles

PATIENT_TOLD: Final[Resource] = {**PATIENT, "type": "Patient", "display": "Anna Proefstra"}
STU3: Final = "3.0.1"


def _every_way(kind: Kind) -> Iterator[Measured]:
    """With the usual values alone, with each choice of each context, at each moment."""
    plain = Measured(kind, {each.name: usual(each) for each in kind.values}, TAKEN)
    yield plain
    for context in kind.context:
        choices = ("true", "false") if context.boolean else tuple(each.name for each in context.values)
        for each in choices if context.place != "hasMember" else ():
            yield replace(plain, context={context.name: each})
    for moment in kind.moments:
        yield replace(plain, moment=moment.name)


WAYS: Final = [each for kind in kinds().values() for each in _every_way(kind)]


def _named(measured: Measured) -> str:
    return "-".join((measured.kind.name, *measured.context.values(), *filter(None, [measured.moment])))


@pytest.mark.parametrize("measured", WAYS, ids=_named)
def test_what_we_write_is_fhir_and_can_be_read_back(measured: Measured) -> None:
    sent = decode(encode(observation_of(measured, CANONICAL_BASE, PATIENT_TOLD)))
    assert list(validate(sent, load(R4))) == []
    found = {each.of.name: each.value for each in readings_in(sent, CANONICAL_BASE)}
    assert found == dict(measured.values)
    moment = moment_in(sent, measured.kind)
    assert measured.moment is None or (moment is not None and moment.code == _moment(measured).code)


def _moment(measured: Measured) -> Moment:
    return next(each for each in measured.kind.moments if each.name == measured.moment)


@pytest.mark.parametrize("measured", [each for each in WAYS if each.kind.profiles[R4]], ids=_named)
def test_what_we_write_passes_the_profile_that_it_claims(measured: Measured, fhir_definitions: Path) -> None:
    held = profiles(fhir_definitions, R4)
    sent = decode(encode(observation_of(measured, CANONICAL_BASE, PATIENT_TOLD)))
    (claimed,) = sent["meta"]["profile"]
    assert held.knows(claimed)
    found = [each for each in claimed_issues(held, sent, None) if each.severity != "information"]
    assert found == []


@pytest.mark.parametrize("version", [R4, STU3])
def test_every_profile_of_the_table_is_there_and_is_of_an_observation(version: str, fhir_definitions: Path) -> None:
    held = profiles(fhir_definitions, version)
    named = {each for kind in kinds().values() if (each := kind.profiles[version])}
    named |= {each.profile for kind in kinds().values() for each in kind.context if each.profile and version == R4}
    assert [each for each in sorted(named) if not held.knows(each)] == []


def test_choices_are_in_the_national_code_lists(fhir_definitions: Path) -> None:
    held = library(fhir_definitions, R4)
    assert held is not None
    texts = "".join(
        path.read_text("utf-8")
        for path in (fhir_definitions / "Nictiz-R4-zib2020" / "resources").rglob("ValueSet-*.xml")
    )
    for kind in kinds().values():
        for context in kind.context:
            for choice in context.values:
                assert f'<code value="{choice.code.code}"' in texts, (kind.name, choice.name)
