"""What is made once for lines that resemble each other is what would be made for each of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.config import CANONICAL_BASE
from app.measurements.importing.building import id_of, number_of, shape_of, template_of
from app.measurements.importing.lines import Device, Taken
from app.measurements.importing.preparing import _VARYING
from app.measurements.kinds import Kind, kinds
from app.server.search.rows import Rows
from tests.measurements.measuring import usual
from tests.server.service import Service

SUBJECT = {"reference": "Patient/anna"}


def taken(kind: Kind, number: int) -> Taken:
    values = {each.name: usual(each) + number * (1 if each.integer else Decimal("0.1")) for each in kind.values}
    note = f"regel {number}"
    moment = kind.moments[0].name if kind.moments else None
    return Taken(kind, values, f"2026-11-{number + 1:02}T08:00:00+01:00", number, Device("Horloge"), moment, {}, note)


def said(rows: Rows) -> dict[str, Any]:
    found = {name: sorted(each) for name, each in rows.by_table()}
    return {**found, "date": rows.date, "present": rows.present, "terms": rows.terms}


@pytest.mark.parametrize("kind", [each for each in kinds().values() if each.home], ids=lambda each: each.name)
async def test_index_rows_are_the_same(service: Service, kind: Kind) -> None:
    device = {"reference": "Device/x", "display": "Horloge"}
    template = template_of(taken(kind, 0), CANONICAL_BASE, SUBJECT, device, "csv")
    indexer = service.server.indexer("Observation")
    alike = indexer.alike(template.filled(taken(kind, 0)), owned=True, varying=_VARYING)
    for number in range(3):
        resource = template.filled(taken(kind, number))
        assert said(alike.rows(resource)) == said(indexer.rows(resource, owned=True))
        again = template_of(taken(kind, number), CANONICAL_BASE, SUBJECT, device, "csv")
        assert resource == again.whole
    assert shape_of(taken(kind, 0)) == shape_of(taken(kind, 1))


def test_an_id_follows_from_what_a_line_says_and_from_nothing_else() -> None:
    weight = kinds()["weight"]
    one = taken(weight, 1)
    values = {"weight": Decimal("81.50")}
    same = [
        Taken(weight, values, "2026-11-02T08:00:00+01:00", 7, Device("X")),
        Taken(weight, {"weight": Decimal("81.5")}, "2026-11-02T07:00:00Z", 7, Device("X"), note="een"),
    ]
    assert number_of(same[0]) == number_of(same[1])
    others = [
        Taken(weight, {"weight": Decimal("81.51")}, "2026-11-02T08:00:00+01:00", 7, Device("X")),
        Taken(weight, values, "2026-11-02T08:00:01+01:00", 8, Device("X")),
        Taken(weight, values, "2026-11-02T08:00:00+01:00", 7, Device("Y")),
        Taken(weight, values, "2026-11-02T08:00:00+01:00", 7),
        Taken(weight, values, "2026-11-02T08:00:00+01:00", 7, Device("X"), context={"clothing": "full"}),
        Taken(kinds()["waist"], {"waist": Decimal("81.5")}, "2026-11-02T08:00:00+01:00", 7, Device("X")),
        one,
    ]
    assert len({number_of(each) for each in (same[0], *others)}) == len(others) + 1
    steps = Taken(kinds()["steps"], {"steps": Decimal(100)}, "2026-11-02", None, Device("X"), total=True)
    more = Taken(kinds()["steps"], {"steps": Decimal(200)}, "2026-11-02", None, Device("Y"), total=True)
    assert number_of(steps) == number_of(more)
    made = id_of(number_of(one), "0" * 13)
    assert len(made) == 30
    assert made == id_of(number_of(one), "0" * 13)
