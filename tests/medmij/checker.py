"""The payload rules of Nictiz' qualification, as one checker: every rule that an answer breaks, with its place.
https://github.com/Nictiz/Nictiz-testscripts (common-components/_assert.*)

It shares nothing with what writes the answers but HL7's element tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from app.fhir.definitions import load

VERSIONS: Final = {"3.0": "3.0.1", "4.0": "4.0.1"}
SAYING_WHY: Final = frozenset(
    {
        "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
        "http://hl7.org/fhir/StructureDefinition/iso21090-nullFlavor",
    }
)
VALUE_SETS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.2"
BSN: Final = ("http://fhir.nl/fhir/NamingSystem/bsn", "urn:oid:2.16.840.1.113883.2.4.6.3")
WHO: Final = frozenset({"patient", "subject", "owner"})
_FULL_URL: Final = re.compile(r"(https?://\S+|urn:uuid:[0-9a-f-]{36}|urn:oid:[0-2](\.\d+)+)")


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that is broken, and where."""

    rule: str
    path: str


def problems(answer: Mapping[str, Any], version: str, *, asked: str = "") -> list[Problem]:
    """What is wrong with an answer. ``version``: 3.0 or 4.0; ``asked``: the query string, of a search."""
    kind = answer.get("resourceType")
    if kind == "OperationOutcome":
        return []
    if kind == "Bundle":
        return list(_bundle(answer, version, asked))
    return list(_resource(answer, version, str(kind)))


def _bundle(bundle: Mapping[str, Any], version: str, asked: str) -> Iterator[Problem]:
    entries = bundle.get("entry", [])
    if bundle.get("type") == "searchset":
        yield from _search(bundle, entries, asked)
    for place, entry in enumerate(entries):
        resource = entry.get("resource")
        at = f"Bundle.entry[{place}]"
        if resource is None or resource.get("resourceType") == "OperationOutcome":
            continue
        if "id" not in resource:
            yield Problem("id", f"{at}.resource")
        url = entry.get("fullUrl")
        if (url is None and bundle.get("type") == "searchset") or (url is not None and not _FULL_URL.fullmatch(url)):
            yield Problem("full-url", at)
        elif url is not None and url.startswith("http") and not url.endswith(f"/{resource.get('id')}"):
            yield Problem("full-url-id", at)
        yield from _resource(resource, version, f"{at}.resource")


def _search(bundle: Mapping[str, Any], entries: list[Mapping[str, Any]], asked: str) -> Iterator[Problem]:
    own = [each.get("url", "") for each in bundle.get("link", []) if each.get("relation") == "self"]
    if len(own) != 1 or not own[0]:
        yield Problem("self", "Bundle.link")
    else:
        linked = {name for name, _ in parse_qsl(urlsplit(own[0]).query, keep_blank_values=True)}
        missing = {name for name, _ in parse_qsl(asked, keep_blank_values=True)} - linked - {"_format"}
        if missing:
            yield Problem("self-parameters", ", ".join(sorted(missing)))
        if any(re.split(r"[:.]", name)[0] in WHO for name in linked) or any(each in own[0] for each in BSN):
            yield Problem("self-patient", "Bundle.link")
    matches = sum(each.get("search", {}).get("mode") == "match" for each in entries)
    if bundle.get("total", 0) > matches:
        yield Problem("total", "Bundle.total")
    if any(each.get("search", {}).get("mode") not in ("match", "include", "outcome") for each in entries):
        yield Problem("mode", "Bundle.entry.search")


def _resource(resource: Mapping[str, Any], version: str, path: str) -> Iterator[Problem]:
    if not resource.get("meta", {}).get("profile"):
        yield Problem("profile", f"{path}.meta")
    free = resource["resourceType"] in ("Questionnaire", "QuestionnaireResponse")
    for kind, value, at in _elements(resource, resource["resourceType"], path, version):
        rule = _RULES.get(kind)
        if rule is None or (kind == "Coding" and free):
            continue
        for name in rule(value):
            yield Problem(name, at)


def _reference(value: Mapping[str, Any]) -> Iterator[str]:
    if "display" not in value and not _says_why(value, "display"):
        yield "reference"


def _coding(value: Mapping[str, Any]) -> Iterator[str]:
    if any(name not in value and not _says_why(value, name) for name in ("system", "code")):
        yield "coding"
    if str(value.get("system", "")).startswith(VALUE_SETS):
        yield "value-set"


def _concept(value: Mapping[str, Any]) -> Iterator[str]:
    said = "text" in value or any("display" in each for each in value.get("coding", []))
    if not said and not value.get("extension") and not _says_why(value, "text"):
        yield "concept"


def _identifier(value: Mapping[str, Any]) -> Iterator[str]:
    if "type" not in value and "system" not in value and not _says_why(value, "system"):
        yield "identifier"
    if "value" not in value and not _says_why(value, "value"):
        yield "identifier"
    if value.get("system") in BSN and "value" in value:
        yield "bsn"


_RULES: Final = {
    "Reference": _reference,
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Identifier": _identifier,
}


def _says_why(value: Mapping[str, Any], name: str) -> bool:
    """Whether an extension of the element, or of the value that is not there, says why."""
    listed = [*value.get("extension", []), *value.get(f"_{name}", {}).get("extension", [])]
    return any(each.get("url") in SAYING_WHY for each in listed)


def _elements(
    value: Mapping[str, Any], kind: str, path: str, version: str
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    members = load(VERSIONS[version]).types[kind]
    for name, child in value.items():
        if name == "resourceType":
            continue
        if name.startswith("_"):
            for each in child if isinstance(child, list) else [child]:
                if isinstance(each, dict):
                    yield from _elements(each, "Element", f"{path}.{name[1:]}", version)
            continue
        element = members[name]
        if element.is_primitive:
            continue
        for place, each in enumerate(child if isinstance(child, list) else [child]):
            at = f"{path}.{name}[{place}]" if isinstance(child, list) else f"{path}.{name}"
            of = each.get("resourceType", element.type)
            yield of, each, at
            yield from _elements(each, of, at, version)
