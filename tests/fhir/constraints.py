"""HL7's own constraints, read from its packages and evaluated by another engine (fhirpathpy).

https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.constraint
"""

from __future__ import annotations

import functools
import json
import re
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import fhirpathpy
from fhirpathpy import parser
from fhirpathpy.engine import nodes
from fhirpathpy.models import models

from app.fhir.resource import parse_reference

# fhirpathpy has no types here.
_parse: Final[Callable[[str], Any]] = functools.cache(parser.parse)
_node: Final[Callable[[Any, str], Any]] = nodes.ResourceNode.create_node
_apply: Final[Callable[..., list[Any]]] = fhirpathpy.apply_parsed_path

_BEST_PRACTICE: Final = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"
_KINDS: Final = ("resource", "complex-type")


@dataclass(frozen=True)
class Constraint:
    """One constraint as a StructureDefinition has it; ``source`` is the type that declares it first."""

    path: str
    key: str
    expression: str
    severity: str
    is_best_practice: bool
    source: str

    @property
    def name(self) -> str:
        """Path and key."""
        return f"{self.path} {self.key}"


# What fhirpathpy cannot do, or HL7 cannot have meant: the key, what the expression says, what it says here, and why.
_PARTIAL = "fhirpathpy compares partial dates as text"
_SINGLE = "fhirpathpy wants one item before this, where there may be several"
_SYSTEM = "the system is a place-holder: the text names the scopes of this one"
_SAME_UNIT = (
    "iif(low.code.exists(), (low.system ~ high.system) and (low.code ~ high.code), "
    "high.code.empty() and (low.unit ~ high.unit))"
)
REWRITTEN: Final = (
    ("per-1", "(start <= end)", "(start.toDateTime() <= end.toDateTime())", _PARTIAL),
    ("mdd-1", "whenHandedOver >= whenPrepared", "whenHandedOver.toDateTime() >= whenPrepared.toDateTime()", _PARTIAL),
    ("inv-1", "lastModified >= authoredOn", "lastModified.toDateTime() >= authoredOn.toDateTime()", _PARTIAL),
    (
        "rng-2",
        "(low <= high)",
        f"({_SAME_UNIT}.not() or low.value <= high.value)",
        "fhirpathpy does not compare quantities; these are compared when they are in the same unit",
    ),
    (
        "tim-9",
        "(when in ('C' | 'CM' | 'CD' | 'CV'))",
        "when.where($this in ('C' | 'CM' | 'CD' | 'CV')).exists()",
        _SINGLE,
    ),
    ("eld-11", "type.select(", "type.where(", "a select has an answer for every type, so that the rule never fails"),
    ("dom-3", ".as(", ".ofType(", _SINGLE),
    ("dom-3", "where(as(", "where($this.as(", _SINGLE),
    ("app-4", "Appointment.", "", "fhirpathpy looks for an element of that name"),
    ("app-4", "no-show", "noshow", "no such code"),
    ("ppc-2", "something", "http://terminology.hl7.org/CodeSystem/consentscope", _SYSTEM),
    ("ppc-3", "something", "http://terminology.hl7.org/CodeSystem/consentscope", _SYSTEM),
    ("ppc-4", "something", "http://terminology.hl7.org/CodeSystem/consentscope", _SYSTEM),
    ("ppc-5", "something", "http://terminology.hl7.org/CodeSystem/consentscope", _SYSTEM),
    ("md-1", "max='*'", "max.empty() or max='*'", "the max may be left out"),
    ("que-7", "is Boolean", "is boolean", "the answer is FHIR's boolean, which fhirpathpy tells from FHIRPath's"),
    (
        "con-3",
        "category.select($this='problem-list-item').empty()",
        "category.coding.where(code = 'problem-list-item').empty()",
        "a concept is no text, and a select always has an answer",
    ),
)


@functools.cache
def constraints(fhir_definitions: Path, version: str) -> tuple[Constraint, ...]:
    """All constraints of the package's types, each at the path of the type that declares it first."""
    found = {}
    with tarfile.open(fhir_definitions / f"hl7.fhir.core-{version}.tar.gz") as package:
        for member in package:
            if not Path(member.name).name.startswith("StructureDefinition-"):
                continue
            file = package.extractfile(member)
            assert file is not None
            structure = json.load(file)
            if structure.get("derivation") == "constraint" or structure["kind"] not in _KINDS:
                continue
            for element in structure["snapshot"]["element"]:
                for each in element.get("constraint", ()):
                    read = _constraint(element["path"], each)
                    if read.source == element["path"].partition(".")[0] and (
                        read.key not in ("ele-1", "ext-1") or "." not in read.path
                    ):
                        found[read.name] = read
    return tuple(found.values())


def _constraint(path: str, row: Mapping[str, Any]) -> Constraint:
    extensions = {each["url"] for each in row.get("extension", ())}
    return Constraint(
        path=path,
        key=row["key"],
        expression=row.get("expression", ""),
        severity=row["severity"],
        is_best_practice=_BEST_PRACTICE in extensions,
        source=_source(path, row),
    )


def _source(path: str, row: Mapping[str, Any]) -> str:
    # Where no source is given (STU3), the prefixes that all types inherit tell.
    inherited = {"ele-1": "Element", "ext-1": "Extension"}.get(row["key"])
    if row["key"].startswith("dom-"):
        inherited = "DomainResource"
    if row["key"] == "qty-3":
        inherited = "Quantity"
    return inherited or row.get("source", path.partition(".")[0]).rsplit("/", 1)[-1]


def rewritten(constraint: Constraint) -> str:
    """The expression as it is evaluated here."""
    expression = constraint.expression
    for key, said, says, _ in REWRITTEN:
        if key == constraint.key:
            expression = expression.replace(said, says)
    return expression


def evaluate(constraint: Constraint, value: Any, whole: dict[str, Any], *, version: str = "4.0.1") -> list[Any]:
    """What fhirpathpy answers for an element within ``whole``, which it may change."""
    node = _node(value, constraint.path)
    context = {"resource": whole, "rootResource": whole, "context": node}
    options = {"userInvocationTable": _functions(whole), "traceFn": lambda *_: None}
    return _apply(node, _parse(rewritten(constraint)), context, _MODELS[version], options)


_MODELS: Final = {"4.0.1": models["r4"], "3.0.1": models["stu3"]}


def _functions(whole: dict[str, Any]) -> dict[str, Any]:
    """Functions that fhirpathpy lacks, or has otherwise than FHIR. HL7 means ``matches`` for the whole text."""
    return {
        "hasValue": {"fn": lambda found: [_has_value(found)], "arity": {0: []}},
        "matches": {"fn": _matches, "arity": {1: ["String"]}},
        "resolve": {"fn": lambda found: _resolved(found, whole), "arity": {0: []}},
    }


def _data(node: Any) -> Any:
    return getattr(node, "data", node)


def _has_value(found: list[Any]) -> bool:
    return len(found) == 1 and not isinstance(_data(found[0]), dict)


def _matches(found: list[Any], pattern: str) -> list[bool]:
    return [re.fullmatch(pattern, _data(node)) is not None for node in found]


def _resolved(references: list[Any], whole: dict[str, Any]) -> list[Any]:
    """What is contained, or a resource of the type that the reference names; nothing where that cannot be told."""
    found = []
    for node in references:
        reference = _data(node).get("reference", "")
        if literal := parse_reference(reference):
            found.append({"resourceType": literal.type})
        found.extend(each for each in whole.get("contained", ()) if f"#{each.get('id')}" == reference)
    return [_node(each, each["resourceType"]) for each in found]
