"""What a revision says of itself, in whatever order its Provenance is stored."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from app.careplan.names import Names
from app.careplan.past import Revision
from app.fhir.resource import Resource, decode, encode

NAMES = Names("https://zelfregie.example/fhir")
HAPPENED: Resource = {"coding": [{"system": NAMES.system("plan-event"), "code": "restore"}]}
AGAIN: Resource = {**HAPPENED, "text": "Teruggezet"}
SHOWN = [("CarePlan", "plan", 4), ("Goal", "doel", 2)]


def provenance(*order: str) -> Resource:
    """One with its members in an order."""
    listed: list[Resource] = [
        {"url": NAMES.manifest, "valueReference": {"reference": f"{kind}/{resource_id}/_history/{version}"}}
        for kind, resource_id, version in SHOWN
    ]
    listed.append({"url": NAMES.extension("goal-decision"), "extension": [{"url": "decision", "valueCode": "keep"}]})
    inner = {
        "resourceType": "Provenance",
        "extension": [{"url": NAMES.manifest, "valueReference": {"reference": "Goal/ander/_history/9"}}],
        "target": [{"reference": "Goal/ander/_history/9"}],
        "recorded": "2001-01-01T00:00:00Z",
        "activity": HAPPENED,
    }
    looks = '],"target":[{"reference":"Goal/schijn/_history/7"}]'
    members: Resource = {
        "contained": [inner],
        "extension": listed,
        "target": [{"reference": "Goal/doel/_history/2", "display": looks}, {"reference": "Patient/anna"}],
        "recorded": "2026-01-01T00:00:00Z",
        "activity": HAPPENED,
        "reason": [{"text": "Het liep anders"}],
        "agent": [{"who": {"reference": "Patient/anna"}}],
        "entity": [
            {"role": "revision", "what": {"reference": "Goal/doel/_history/1"}},
            {"role": "source", "what": {"reference": "Provenance/eerder/_history/1"}},
        ],
    }
    meta = {"versionId": "1", "profile": [NAMES.revision_profile]}
    return {"resourceType": "Provenance", "id": "eerste", "meta": meta, **{name: members[name] for name in order}}


def revision_of(resource: Resource) -> Revision:
    return Revision(3, 1, "eerste", 1, 1, erased=False, seen=True, body=encode(resource))


AS_WRITTEN = ("extension", "target", "recorded", "activity", "agent", "entity")
ORDERS = [
    AS_WRITTEN,
    ("contained", *AS_WRITTEN),
    (*AS_WRITTEN, "contained"),
    ("contained", "target", "recorded", "extension", "activity", "agent", "entity"),
    ("entity", "agent", "activity", "recorded", "target", "extension"),
    # An array stands just before the targets, and what else is asked before that.
    ("recorded", "activity", "agent", "entity", "extension", "target"),
    ("extension", "recorded", "activity", "agent", "entity", "target"),
    ("reason", *AS_WRITTEN),
]


@pytest.mark.parametrize("order", ORDERS)
def test_a_revision_says_the_same_in_any_order(order: tuple[str, ...]) -> None:
    says_all(order)


@pytest.mark.parametrize("members", [AS_WRITTEN, (*AS_WRITTEN, "reason"), ("contained", *AS_WRITTEN)])
def test_a_revision_says_the_same_in_every_order_there_is(members: tuple[str, ...]) -> None:
    for order in itertools.permutations(members):
        says_all(order)


def says_all(order: tuple[str, ...]) -> None:
    stored = provenance(*order)
    revision = revision_of(stored)
    assert revision.manifest(NAMES) == SHOWN, order
    assert revision.written == [("Goal", "doel", 2)], order
    assert revision.replaced == {("Goal", "doel"): 1}, order
    assert revision.sources == ["eerder"], order
    assert revision.has_source, order
    assert revision.event == "restore", order
    assert revision.recorded == "2026-01-01T00:00:00Z", order
    assert revision.author == {"who": {"reference": "Patient/anna"}}, order
    assert revision.reasons == stored.get("reason", []), order
    assert decode(revision.with_activity(AGAIN)) == {**stored, "activity": AGAIN}, order


def test_targets_within_an_extension_are_not_those_of_the_revision() -> None:
    stored = provenance(*AS_WRITTEN)
    within = {"line": ["Dorpsstraat 1"], "target": [{"reference": "Goal/schijn/_history/7"}], "recorded": "2001"}
    stored["extension"] = [{"url": "https://elders.example/extra", "valueAddress": within}, *stored["extension"]]
    revision = revision_of(stored)
    assert revision.written == [("Goal", "doel", 2)]
    assert revision.recorded == "2026-01-01T00:00:00Z"
    assert decode(revision.with_activity(AGAIN)) == {**stored, "activity": AGAIN}


@pytest.mark.parametrize("reason", [(), ("reason",)])
def test_what_the_plan_showed_is_not_looked_through_for_what_is_said_behind_it(reason: tuple[str, ...]) -> None:
    """What is no JSON within that list is not come upon before the list is asked for."""
    body = encode(provenance(*AS_WRITTEN, *reason)).replace(b'{"reference":"CarePlan/', b'{reference:"CarePlan/')
    revision = Revision(3, 1, "eerste", 1, 1, erased=False, seen=True, body=body)
    assert revision.event == "restore"
    with pytest.raises(msgspec.DecodeError):
        revision.manifest(NAMES)


@pytest.mark.parametrize("order", ORDERS)
def test_another_account_of_what_happened_leaves_all_else(order: tuple[str, ...]) -> None:
    stored = provenance(*order)
    made: Any = decode(revision_of(stored).with_activity(AGAIN))
    assert made == {**stored, "activity": AGAIN}


@pytest.mark.parametrize("order", ORDERS)
def test_a_revision_wrote_what_its_targets_name_and_nothing_that_only_reads_so(order: tuple[str, ...]) -> None:
    revision = revision_of(provenance(*order))
    assert revision.wrote(("Goal", "doel", 2))
    for key in (("Goal", "doel", 1), ("Goal", "schijn", 7), ("Goal", "ander", 9), ("Goal", "doel", 20)):
        assert not revision.wrote(key), key


def test_a_target_with_the_address_of_a_server_is_a_version_too() -> None:
    stored = provenance(*AS_WRITTEN)
    stored["target"] = [{"reference": "https://elders.example/fhir/Goal/doel/_history/2"}]
    assert revision_of(stored).wrote(("Goal", "doel", 2))
