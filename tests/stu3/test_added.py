"""The tables name what exists, leave nothing unsaid, and docs/translation.md says what they say."""

from __future__ import annotations

from typing import Final

import pytest

from app.fhir.stu3 import R4_TYPES
from app.fhir.stu3.sides import R4, STU3, Side
from app.fhir.stu3.tables import Addition, Table, tables
from tests.stu3 import documentation
from tests.stu3.documentation import additions, carried, expanded, paths, reshaped, ruled

TABLES: Final = pytest.mark.parametrize("name", sorted(tables()))
ANEW: Final = "make it anew: python -m tests.stu3.test_added"
ALWAYS_THERE: Final = {
    "Questionnaire.item.enableWhen.operator",
    "Provenance.agent.who",
    "Provenance.entity.what",
    "Provenance.entity.whatUri",
    "Signature.who",
    "Goal.status",
    "Goal.lifecycleStatus",
    "MedicationRequest.substitution.allowedBoolean",
    "DocumentManifest.content",
    "Consent.except.type",
}
"""Demanded members that a rule always has a value for, or that are not made without one."""


def test_the_page_says_what_the_tables_say() -> None:
    text = documentation.PAGE.read_text("utf-8")
    assert text == documentation.with_tables(text), ANEW


@pytest.mark.parametrize(
    "element",
    [
        "Coverage.status",
        "Coverage.beneficiary",
        "Coverage.payor",
        "Consent.scope",
        "Consent.category",
        "MedicationRequest.status",
        "MedicationDispense.status",
        "Immunization.occurrenceDateTime",
        "ImmunizationRecommendation.date",
        "NutritionOrder.status",
        "NutritionOrder.intent",
        "Encounter.class",
        "Goal.subject",
        "MedicationStatement.taken",
        "Immunization.notGiven",
        "Immunization.primarySource",
        "AllergyIntolerance.verificationStatus",
        "DocumentReference.type",
        "DocumentReference.indexed",
        "Specimen.subject",
        "ProcedureRequest.code",
    ],
)
def test_what_the_model_names_is_added(element: str) -> None:
    """Immunization.occurrence may be added as either of its types."""
    named = {path for table in tables().values() for _, path, _ in additions(table)}
    assert element in named or element.replace("DateTime", "String") in named


def test_the_page_lists_every_addition() -> None:
    text = documentation.PAGE.read_text("utf-8")
    for line in documentation.every_addition():
        assert line in text, ANEW


@TABLES
def test_every_addition_has_its_reason_and_no_status_is_guessed(name: str) -> None:
    for version, path, addition in additions(tables()[name]):
        assert len(addition.why) > 10, path
        assert addition.absent or addition.derive or addition.value is not None, path
        if path.endswith("tatus"):
            assert addition.value is None, (version, path)


@TABLES
def test_a_table_names_only_members_that_exist(name: str) -> None:
    table = tables()[name]
    known = paths(table)
    for path in (*table.rows, *table.apart, *table.lifted):
        assert path in {stu3 for stu3, _ in known}, path
    for stu3, r4 in known:
        _exist(table, stu3, r4)
    for added, side in ((table.add_r4, R4), (table.add_stu3, STU3)):
        for path, each in added.items():
            assert {addition.name for addition in each} <= side.elements(path).keys(), path


def _exist(table: Table, stu3: str, r4: str) -> None:
    ours, theirs = dict(STU3.elements(stu3)), dict(R4.elements(r4))
    for row in table.rows.get(stu3, ()):
        assert expanded(row.stu3, ours), (stu3, row)
        assert expanded(row.stu3, ours) <= ours.keys(), (stu3, row)
        assert expanded(row.r4, theirs) <= theirs.keys(), (r4, row)
    assert table.apart.get(stu3, frozenset()) <= ours.keys() | theirs.keys(), stu3
    assert {each.name for each in table.lifted.get(stu3, ())} <= theirs.keys() - ours.keys(), stu3


@TABLES
def test_every_member_is_the_same_or_ruled_or_carried(name: str) -> None:
    table = tables()[name]
    for stu3, r4 in paths(table):
        ours, theirs = STU3.elements(stu3), R4.elements(r4)
        known = ruled(table, stu3, STU3) | set(carried(table, stu3, r4, STU3)) | set(reshaped(table, stu3, r4))
        for each in ours.keys() - known:
            assert each in theirs, (stu3, each)
            assert ours[each].many == theirs[each].many, (stu3, each)


@TABLES
def test_what_a_version_demands_is_there_or_added(name: str) -> None:
    table = tables()[name]
    for stu3, r4 in paths(table):
        assert _demanded(R4, r4, STU3, stu3, table.add_r4.get(r4, ())) - _always(table, stu3, R4) == set(), r4
        assert _demanded(STU3, stu3, R4, r4, table.add_stu3.get(stu3, ())) - _always(table, stu3, STU3) == set(), stu3


def _demanded(target: Side, path: str, other: Side, elsewhere: str, added: tuple[Addition, ...]) -> set[str]:
    """The members that must be there, that need not be in the other version and that nothing adds; of a choice, those
    that only the other version has.
    """
    elements, others = target.elements(path), other.elements(elsewhere)
    choices = {elements[each.name].choice for each in added} - {None}
    said = {each.name for each in added}
    found = set()
    for each, element in elements.items():
        if not element.min or each in said or element.choice in choices:
            continue
        if element.choice is None:
            found |= set() if each in others and others[each].min else {each}
            continue
        there = {name for name, counterpart in others.items() if counterpart.choice == element.choice}
        found |= {name for name in there if name not in elements or not others[name].min} if there else {each}
    return found


def _always(table: Table, stu3: str, side: Side) -> set[str]:
    """The members that a row makes of something that the other version demands too."""
    pair = next(each for each in paths(table) if each[0] == stu3)
    here, there = (R4, STU3) if side is R4 else (STU3, R4)
    other = there.elements(pair[0] if side is R4 else pair[1])
    path = pair[1] if side is R4 else pair[0]
    found = {each for each in here.elements(path) if f"{path}.{each}" in ALWAYS_THERE}
    for row in table.rows.get(stu3, ()):
        names, sources = (row.r4, row.stu3) if side is R4 else (row.stu3, row.r4)
        if any(each in other and other[each].min for each in sources):
            found |= set(names)
    choices = {here.elements(path)[each].choice for each in found if each in here.elements(path)} - {None}
    return found | {each for each, element in here.elements(path).items() if element.choice in choices}


def test_every_table_is_of_a_type_of_both_versions() -> None:
    for name, table in tables().items():
        assert STU3.elements(name), name
        assert R4.elements(table.r4), name
        assert (name in R4_TYPES) == (name in STU3.definitions.resource_types)


if __name__ == "__main__":
    documentation.PAGE.write_text(documentation.with_tables(documentation.PAGE.read_text("utf-8")), "utf-8")
