"""Nictiz' own zib2017 examples as a record, asked at the bases of the data services."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

from app.config import CANONICAL_BASE
from app.fhir.definitions import load
from app.fhir.resource import Resource
from app.fhir.stu3 import R4_TYPES, Translator
from app.fhir.xml import from_xml
from app.medmij.services import load_services
from tests.fhir.examples import nictiz
from tests.medmij.bases import At, headers, read
from tests.medmij.checker import problems
from tests.medmij.conftest import TOKENS
from tests.medmij.test_requests import asked
from tests.server.service import running_service

PATIENT: Final = "nl-core-patient-01"
TOKEN: Final[dict[str, Any]] = {**TOKENS["anna-medmij"], "patient": PATIENT}
FOUND: Final = 60
"""Resources that the examples have for the requests, at least."""


def examples(folder: Path) -> list[Resource]:
    """In R4, as they are stored."""
    definitions, translator = load("3.0.1"), Translator(CANONICAL_BASE)
    read_all = (from_xml(content, definitions) for _, content in nictiz(folder, "3.0.1"))
    return [translator.to_r4(each) for each in read_all if each["resourceType"] in R4_TYPES]


async def test_what_the_examples_have_is_given_by_the_rules(fhir_definitions: Path, tmp_path: Path) -> None:
    seed = examples(fhir_definitions)
    found: Counter[str] = Counter()
    database = f"sqlite:///{tmp_path / 'zelfregie.db'}"
    async with running_service(database, tmp_path, seed=seed, tokens={"examples": TOKEN}) as service:
        at = At(service)
        for each in load_services().values():
            for row in each.rows:
                operation = f"/${row.operation}" if row.operation else ""
                query = asked(row).replace("ge2020-01-01", "ge1990-01-01")
                address = f"/{row.type}{operation}" + (f"?{query}" if query else "")
                for form in ("json", "xml"):
                    answer = await at.get(each.id, address, headers(form), token="examples")
                    assert answer.status_code == 200, (each.id, row.section, answer.text)
                    bundle = read(answer, each.id)
                    assert problems(bundle, each.fhir, asked=query) == [], (each.id, row.section)
                found.update(entry["resource"]["resourceType"] for entry in bundle.get("entry", ()))
    assert found.total() >= FOUND
    assert len(found) > 15
