"""Numbers that would cost more to reckon with than a request is worth are refused, at the door of each version of FHIR
and in each format. https://hl7.org/fhir/R4/datatypes.html#decimal
"""

from __future__ import annotations

from typing import Final

import pytest

from app.fhir.resource import encode
from tests import builders
from tests.server.service import Caller, issues

BEYOND: Final = {
    "digits": "1." + "0" * 200_000 + "1",
    "whole": "1" * 5000 + ".0",
    "great": "1E+999999",
    "small": "1E-999999",
    "zero": "0E+999999",
}
MARK: Final = b"7777"
XML: Final = (
    b'<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="Gewicht"/></code>'
    b'<subject><reference value="Patient/anna"/></subject><valueQuantity><value value="7777"/></valueQuantity>'
    b"</Observation>"
)


def measured() -> bytes:
    amount = {"value": 7777, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    return encode(builders.observation(valueQuantity=amount))


@pytest.mark.parametrize("number", BEYOND.values(), ids=BEYOND)
@pytest.mark.parametrize("door", ["/Observation", "/stu3/Observation"], ids=["r4", "stu3"])
@pytest.mark.parametrize(
    ("form", "body"), [("application/fhir+json", measured()), ("application/fhir+xml", XML)], ids=["json", "xml"]
)
async def test_a_number_of_too_many_digits_is_refused_where_it_stands(
    anna: Caller, door: str, form: str, body: bytes, number: str
) -> None:
    headers = {"content-type": form, "accept": "application/fhir+json"}
    answer = await anna.send("POST", door, body.replace(MARK, number.encode()), headers)
    assert answer.status_code == 422, answer.text[:500]
    told = [each["expression"] for each in issues(answer) if each["code"] == "too-long"]
    assert told == [["Observation.value.value"]]
    assert len(answer.content) < 5000


async def test_all_digits_that_are_taken_come_back(anna: Caller) -> None:
    number = "1." + "0" * 98 + "1"
    headers = {"content-type": "application/fhir+json"}
    made = await anna.send("POST", "/Observation", measured().replace(MARK, number.encode()), headers)
    assert made.status_code == 201, made.text
    (held,) = await anna.found("/Observation")
    assert number in (await anna.get(f"/Observation/{held}")).text
