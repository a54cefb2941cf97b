"""String parameters. https://hl7.org/fhir/R4/search.html#string"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.builders import organization, patient
from tests.server.service import Caller

NAMES = {
    "de-boer": [{"family": "de Boer", "given": ["Zoë", "Marie"]}],
    "deboer": [{"family": "Deboer", "given": ["ANNE-ROOS"]}],
    "strasse": [{"text": "Jürgen Straße"}],
    "oe": [{"family": "Ørsted", "prefix": ["dr."], "suffix": ["MSc"]}],
    "decomposed": [{"family": "Cafe\u0301"}],
    "percent": [{"family": "100%_x"}],
    "long": [{"family": "Van " * 30 + "Einde"}],
    "ij": [{"family": "IJsbrand"}],
    "cjk": [{"family": "李"}],
    "none": None,
}
QUERIES = {
    "family=de": {"de-boer", "deboer"},
    "family=de b": {"de-boer"},
    "family=DE BOER": {"de-boer"},
    "family=boer": set(),
    "family:contains=boer": {"de-boer", "deboer"},
    "family:contains=OER": {"de-boer", "deboer"},
    "family:exact=de Boer": {"de-boer"},
    "family:exact=De Boer": set(),
    "family:exact=de Boe": set(),
    "given=zoe": {"de-boer"},
    "given=ZOË": {"de-boer"},
    "given:exact=Zoë": {"de-boer"},
    "given:exact=Zoe": set(),
    "given=marie": {"de-boer"},
    "given=anne": {"deboer"},
    "given=roos": set(),
    "given:contains=roos": {"deboer"},
    "name=jurgen": {"strasse"},
    "name:contains=strasse": {"strasse"},
    "name=msc": {"oe"},
    "name=dr.": {"oe"},
    "family=café": {"decomposed"},
    "family=cafe": {"decomposed"},
    "family=100%_": {"percent"},
    "family=100": {"percent"},
    "family:contains=%": {"percent"},
    "family:contains=_": {"percent"},
    "family=van van": {"long"},
    "family=" + "van " * 30 + "ein": {"long"},
    "family=" + "van " * 30 + "x": set(),
    "family:contains=einde": {"long"},
    "family:exact=" + "Van " * 30 + "Einde": {"long"},
    "family=ijs": {"ij"},
    "family=李": {"cjk"},
    "family=de b,ijs": {"de-boer", "ij"},
    "family=de&given=zoe": {"de-boer"},
    "family=de&given=nobody": set(),
    "name:missing=true": {"none"},
    "family:missing=true": {"none", "strasse"},
    "family=\ud7ff": set(),
    "family=\U0010ffff": set(),
    "family:contains='": set(),
}


async def test_strings_find_what_fhir_says(operator: Caller) -> None:
    for id, name in NAMES.items():
        await operator.keep(patient(id, name=name))
    for query, expected in QUERIES.items():
        found = set(await operator.found(f"/Patient?{quote(query, safe='=&:')}"))
        assert found - {"anna", "bram"} == expected, query


async def test_strings_find_the_same_in_one_record(anna: Caller) -> None:
    for id, name in NAMES.items():
        await anna.keep(patient("anna", name=name))
        for query, expected in QUERIES.items():
            found = await anna.found(f"/Patient?{quote(query, safe='=&:')}")
            assert (found == ["anna"]) == (id in expected), (id, query)


async def test_the_parts_of_an_address_are_strings(operator: Caller) -> None:
    address = {"line": ["Proefstraat 1"], "city": "Den Haag", "postalCode": "2500 AA", "country": "NL"}
    await operator.keep(organization(id="o", address=[address]))
    for query in (
        "address=proef",
        "address=den h",
        "address-city=den haag",
        "address-postalcode=2500",
        "address-country=nl",
    ):
        assert await operator.found(f"/Organization?{query}") == ["o"], query
    assert await operator.found("/Organization?address-city=haag") == []


async def test_a_comma_in_a_string_can_be_escaped(operator: Caller) -> None:
    await operator.keep(organization(id="o", name="Boer, de Vries en Co"))
    assert await operator.found("/Organization?name=boer%5C, de") == ["o"]
    assert await operator.found("/Organization?name=niets,boer") == ["o"]


@pytest.mark.parametrize("query", ["name=", "name:contains=", "name:nonsense=x", "name:not=x"])
async def test_a_string_that_says_nothing_is_refused(anna: Caller, query: str) -> None:
    assert (await anna.get(f"/Patient?{query}")).status_code == 400


@pytest.mark.parametrize(
    "parameter", ["name", "name:contains", "name:exact", "identifier", "_id", "general-practitioner", "birthdate"]
)
async def test_a_nul_in_a_value_is_no_fault(anna: Caller, practice: Caller, parameter: str) -> None:
    for caller in (anna, practice):
        answer = await caller.get(f"/Patient?{parameter}=a%00b")
        assert answer.status_code in (200, 400)
