"""What a revision says of itself, in whatever order its Provenance is stored."""

from __future__ import annotations

from typing import Any

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
    listed = [
        {"url": NAMES.manifest, "valueReference": {"reference": f"{kind}/{resource_id}/_history/{version}"}}
        for kind, resource_id, version in SHOWN
    ]
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
        "agent": [{"who": {"reference": "Patient/anna"}}],
        "entity": [
            {"role": "revision", "what": {"reference": "Goal/doel/_history/1"}},
            {"role": "source", "what": {"reference": "Provenance/eerder/_history/1"}},
        ],
    }
    return {"resourceType": "Provenance", "id": "eerste", **{name: members[name] for name in order}}


def revision_of(resource: Resource) -> Revision:
    return Revision(3, 1, "eerste", 1, 1, erased=False, seen=True, body=encode(resource))


AS_WRITTEN = ("extension", "target", "recorded", "activity", "agent", "entity")
ORDERS = [
    AS_WRITTEN,
    ("contained", *AS_WRITTEN),
    (*AS_WRITTEN, "contained"),
    ("contained", "target", "recorded", "extension", "activity", "agent", "entity"),
    ("entity", "agent", "activity", "recorded", "target", "extension"),
]


@pytest.mark.parametrize("order", ORDERS)
def test_a_revision_says_the_same_in_any_order(order: tuple[str, ...]) -> None:
    revision = revision_of(provenance(*order))
    assert revision.manifest(NAMES) == SHOWN
    assert revision.written == [("Goal", "doel", 2)]
    assert revision.replaced == {("Goal", "doel"): 1}
    assert revision.sources == ["eerder"]
    assert revision.has_source
    assert revision.event == "restore"
    assert revision.recorded == "2026-01-01T00:00:00Z"
    assert revision.author == {"who": {"reference": "Patient/anna"}}


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
