"""Nictiz's zib2020 examples, all of them: in by ``zelfregie load``, and out over HTTP as they were, in XML and JSON.

https://simplifier.net/packages/nictiz.fhir.nl.r4.zib2020
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from lxml import etree
from typer.testing import CliRunner, Result

from app.auth import NewGrant, hash_token, write_grant
from app.cli.commands import app
from app.config import CANONICAL_BASE, Settings
from app.fhir import definitions
from app.fhir.resource import Resource, decode
from app.fhir.xml import from_xml
from app.main import create_app
from app.server import bsn
from app.server.intake.flags import intake_system
from tests.builders import BSN

R4: Final = definitions.load("4.0.1")
FHIR: Final = {"f": "http://hl7.org/fhir"}
TOKEN: Final = "reads-everything"
OWNER: Final = "nl-core-Patient-01"

INTAKE: Final = intake_system(CANONICAL_BASE)
FLAGGED: Final = "nl-core-BodyWeight-01"
"""The weight of a newborn: taken in with a flag, since hardly anybody who measures at home weighs so little."""
NAME_NO_PATIENT: Final = frozenset(
    {
        "nl-core-CareTeam-01",
        "nl-core-Encounter-01",
        "nl-core-GlasgowComaScale-01",
        "nl-core-Refraction-01",
        "nl-core-SOAPReport-01",
        "nl-core-SOAPReport.SOAPLine-01",
        "nl-core-SOAPReport.SOAPLine-02",
        "nl-core-SOAPReport.SOAPLine-03",
        "nl-core-SOAPReport.SOAPLine-04",
    }
)
"""Examples of types that are somebody's, without a subject: they go in with ``--patient``, which says whose."""
NAME_NOBODY_KNOWN: Final = {
    "nl-core-MultidisciplinaryTeamMeeting-01-Procedure-01": "nl-core-MultidisciplinaryTeamMeeting-01-Patient-01"
}
"""Examples whose subject is a Patient that no example is: they stay out."""


@pytest.fixture(scope="module")
def examples(fhir_definitions: Path) -> dict[str, Path]:
    """The files by their names without suffix, which are the ids of what is in them."""
    return {path.stem: path for path in sorted((fhir_definitions / "Nictiz-R4-zib2020/examples").glob("*.xml"))}


def zelfregie(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def refused(result: Result) -> set[str]:
    """The names of the files of which something was refused."""
    return {line.removesuffix(".xml:") for line in result.stderr.splitlines() if line.endswith(".xml:")}


def document(content: bytes) -> Any:
    """The root element, without comments and the blanks between elements."""
    return etree.fromstring(content, etree.XMLParser(remove_blank_text=True, remove_comments=True))


def mask(root: Any) -> Any:
    """What the service makes of an example: a BSN's value gives way to the mark that it was there, and to stars where
    the narrative repeats it.
    """
    for value in root.xpath(f".//f:system[@value='{BSN}']/../f:value", namespaces=FHIR):
        number = value.attrib.pop("value")
        for told in root.xpath(f".//text()[contains(., '{number}')]"):
            told.getparent().text = told.replace(number, "*" * len(number))
        reason = etree.SubElement(value, f"{{{FHIR['f']}}}extension")
        reason.set("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason")
        etree.SubElement(reason, f"{{{FHIR['f']}}}valueCode").set("value", "masked")
    return root


def canonical(root: Any) -> bytes:
    """Documents that say the same, but for what the service sets in ``meta``, are equal in this form."""
    for meta in root.xpath("f:meta", namespaces=FHIR):
        for given in meta.xpath("f:versionId | f:lastUpdated", namespaces=FHIR):
            meta.remove(given)
        if not len(meta):
            root.remove(meta)
    return etree.tostring(root, method="c14n")


def without_meta(resource: Resource) -> Resource:
    """Without what the service sets in ``meta``."""
    meta = {name: value for name, value in resource.pop("meta", {}).items() if name not in ("versionId", "lastUpdated")}
    if "tag" in meta:
        meta["tag"] = [each for each in meta["tag"] if each["system"] != INTAKE]
    return {**resource, "meta": {name: value for name, value in meta.items() if value}}


@asynccontextmanager
async def served(url: str, state: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may see everything in the database."""
    settings = Settings.model_validate({"database": url, "base_url": "http://zelfregie.test", "state": state})
    application = create_app(settings)
    async with application.running() as parts:
        grant = NewGrant(hash_token(TOKEN), "test", "system/*.rs", 1, "treatment", everyone=True)
        async with parts.database.write() as writer:
            await write_grant(writer, grant)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(application),
            base_url="http://zelfregie.test/fhir",
            headers={"authorization": f"Bearer {TOKEN}"},
        ) as client:
            yield client


def test_what_is_refused_has_the_defect_that_the_tables_say(examples: dict[str, Path]) -> None:
    assert len(examples) == 271
    for name in NAME_NO_PATIENT:
        assert document(examples[name].read_bytes()).xpath("f:subject", namespaces=FHIR) == []
    for name, patient in NAME_NOBODY_KNOWN.items():
        root = document(examples[name].read_bytes())
        assert root.xpath("string(f:subject/f:reference/@value)", namespaces=FHIR) == f"Patient/{patient}"
        assert patient not in examples


def test_all_examples_go_in_and_come_out_as_they_were(
    examples: dict[str, Path], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZELFREGIE_STATE", str(tmp_path))
    assert zelfregie("migrate", "--database", database_url).exit_code == 0
    everything = zelfregie("load", *examples.values(), "--database", database_url)
    assert refused(everything) == NAME_NO_PATIENT | NAME_NOBODY_KNOWN.keys(), everything.output
    stored, flagged, *_ = everything.stdout.splitlines()[-2:]
    assert (stored, flagged[:26]) == ("261 stored, 10 refused.", "Of what was stored 1 devia"), "the newborn's weight"
    assert everything.exit_code == 1

    unnamed = [examples[name] for name in sorted(NAME_NO_PATIENT)]
    rest = zelfregie("load", *unnamed, "--patient", OWNER, "--database", database_url)
    assert (rest.exit_code, rest.stdout) == (0, "9 stored, 0 refused.\n"), rest.output
    asyncio.run(compare(examples, database_url, tmp_path))


async def compare(examples: dict[str, Path], database_url: str, state: Path) -> None:
    async with served(database_url, state) as client:
        for name, path in examples.items():
            content = path.read_bytes()
            original = document(content)
            address = f"/{etree.QName(original).localname}/{name}"
            in_xml = await client.get(address, headers={"accept": "application/fhir+xml"})
            in_json = await client.get(address, headers={"accept": "application/fhir+json"})
            if name in NAME_NOBODY_KNOWN:
                assert (in_xml.status_code, in_json.status_code) == (404, 404)
                continue
            if name != FLAGGED:  # in XML it has the tag, too
                assert canonical(document(in_xml.content)) == canonical(mask(original)), name
            expected = from_xml(content, R4)
            bsn.mask(expected)
            assert without_meta(decode(in_json.content)) == without_meta(expected), name
            assert in_json.headers["etag"] == 'W/"1"'
