"""What is large is read and translated off the event loop, and comes to the same."""

from __future__ import annotations

import threading
from typing import Any, Final

import pytest

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode, encode
from app.fhir.stu3 import Translator
from app.fhir.xml import from_xml, to_xml
from app.server.stu3.large import LARGE, MANY, Large, has_many
from tests.server.service import Caller, codes
from tests.stu3.record import ROOT

SUBJECT: Final = {"reference": "Patient/anna"}


def condition(notes: int) -> Resource:
    return {
        "resourceType": "Condition",
        "clinicalStatus": "active",
        "verificationStatus": "confirmed",
        "code": {"text": "x"},
        "subject": SUBJECT,
        "note": [{"text": f"notitie {number} {'x' * 40}"} for number in range(notes)],
    }


@pytest.fixture
def where(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """In which threads was read and translated: ``loop`` is that of the event loop."""
    found: dict[str, set[str]] = {"read": set(), "translated": set()}
    loop = threading.get_ident()

    def seen(what: str, work: Any) -> Any:
        def done(*given: Any, **named: Any) -> Any:
            found[what].add("loop" if threading.get_ident() == loop else "elsewhere")
            return work(*given, **named)

        return done

    monkeypatch.setattr("app.server.stu3.border.from_xml", seen("read", from_xml))
    monkeypatch.setattr("app.server.stu3.border.decode", seen("read", decode))
    monkeypatch.setattr(Translator, "to_r4", seen("translated", Translator.to_r4))
    return found


@pytest.mark.parametrize("notes", [2, 1500])
@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("way", ["alone", "batch", "transaction"])
async def test_a_body_is_read_and_translated_where_it_holds_up_nobody(
    anna: Caller, where: dict[str, set[str]], notes: int, form: str, way: str
) -> None:
    place = "elsewhere" if notes > 2 else "loop"
    sent = condition(notes)
    if way != "alone":
        entry = {"resource": sent, "request": {"method": "POST", "url": "Condition"}}
        sent = {"resourceType": "Bundle", "type": way, "entry": [entry]}
    body = encode(sent) if form == "json" else to_xml(sent, load("3.0.1"))
    assert (len(body) > LARGE) is (place == "elsewhere")
    address = ROOT if way != "alone" else f"{ROOT}/Condition"
    answer = await anna.post(address, body, {"content-type": f"application/fhir+{form}"})
    assert answer.status_code in (200, 201), answer.text
    assert where == {"read": {place}, "translated": {place}}
    (found,) = (await anna.bundle(f"{ROOT}/Condition"))["entry"]
    assert len(found["resource"]["note"]) == notes


async def test_what_is_wrong_with_something_large_is_told_as_ever(anna: Caller) -> None:
    bad = {**condition(1500), "clinicalStatus": "nonsense"}
    answer = await anna.post(f"{ROOT}/Condition", bad)
    assert answer.status_code == 422
    torn = await anna.post(f"{ROOT}/Condition", encode(condition(1500))[:-20])
    assert (torn.status_code, codes(torn)) == (400, ["structure"])


async def test_a_few_are_done_at_a_time() -> None:
    large, waiting = Large(), []

    def work() -> int:
        waiting.append(threading.get_ident())
        return len(waiting)

    assert [await large.do(work, large=each) for each in (False, True, True)] == [1, 2, 3]
    assert waiting[0] == threading.get_ident() != waiting[1]


def test_only_so_much_is_looked_at() -> None:
    assert not has_many(condition(2))
    assert has_many(condition(MANY))
    assert has_many({"entry": [[[["x"] * (MANY + 1)]]]})
    assert not has_many(decode(encode(condition(MANY // 3))))


def test_the_shortest_values_are_counted_too() -> None:
    assert not has_many({"": [1] * (MANY - 1)})
    assert has_many({"": [1] * MANY})


def test_what_is_nested_too_deeply_to_be_written_is_counted() -> None:
    nested: list[object] = []
    for _ in range(MANY + 1):
        nested = [nested]
    assert has_many(nested)
