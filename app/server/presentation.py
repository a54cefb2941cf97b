"""What an answer is to look like: whole or in part, and laid out for reading or not.

``_summary``, ``_elements`` and ``_pretty``, https://hl7.org/fhir/R4/http.html#parameters
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from app.errors import Invalid, Issue
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode, encode
from app.fhir.subset import data_only, elements_only, summarise, text_only
from app.fhir.xml import to_xml
from app.server.formats import Format
from app.server.messages import GENERAL, Answer
from app.server.search.parse import split_query

SUMMARIES: Final = ("true", "text", "data", "count", "false")
_INSTANCES: Final = frozenset({"read", "vread", "create", "update", "patch"})
"""Where the body is the resource itself, also when that is a Bundle."""
_WHOLE: Final = "OperationOutcome"
"""What is never cut: remarks to the asker."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """``summary`` is one of ``SUMMARIES`` or empty; ``elements`` are names as ``Type.element`` or ``element``."""

    pretty: bool = False
    summary: str = ""
    elements: tuple[str, ...] = ()

    @property
    def cuts(self) -> bool:
        """Whether resources are given in part."""
        return bool(self.elements) or self.summary in ("true", "text", "data")


PLAIN: Final = Presentation()
_NOT_COUNTED: Final = Issue("not-supported", "_summary=count is for searches.", ("http._summary",))


def asked_presentation(query: str, *, counts: bool) -> Presentation:
    """What a query string asks for. ``counts``: the interaction may be asked how many there are, and no more.

    Raises ``Invalid`` naming the values that each parameter takes.
    """
    if "_pretty=" not in query and "_summary=" not in query and "_elements=" not in query:
        return PLAIN
    pretty, summary, elements = "false", "", ""
    for name, value, _ in split_query(query):
        if name == "_pretty":
            pretty = value
        elif name == "_summary":
            summary = value
        elif name == "_elements":
            elements = value
    issues = []
    if pretty not in ("true", "false"):
        issues.append(Issue("value", "_pretty takes true or false.", ("http._pretty",)))
    if summary and summary not in SUMMARIES:
        issues.append(Issue("value", f"_summary takes one of {', '.join(SUMMARIES)}.", ("http._summary",)))
    elif summary == "count" and not counts:
        issues.append(_NOT_COUNTED)
    elif elements and summary not in ("", "false"):
        issues.append(Issue("invalid", "_summary and _elements cannot be combined.", ("http._elements",)))
    if issues:
        raise Invalid("The answer cannot be given in that form.", issues=tuple(issues))
    names = tuple(each.strip() for each in elements.split(",") if each.strip())
    return Presentation(pretty == "true", summary, names)


def check_counted(answer: Answer) -> None:
    """Raises ``Invalid`` for ``_summary=count`` of what is no search."""
    if not answer.interaction.startswith("search"):
        raise Invalid("The answer cannot be given in that form.", issues=(_NOT_COUNTED,))


def check_parameters(query: str, *, lenient: bool) -> None:
    """For interactions without parameters of their own. Raises ``Invalid`` naming those that are not general ones."""
    unknown = [] if lenient else [name for name, _, _ in split_query(query) if name not in GENERAL]
    if unknown:
        known = ", ".join(sorted(GENERAL))
        raise Invalid(
            "The address has parameters that are not known here.",
            issues=tuple(
                Issue(
                    "not-supported",
                    f"'{name}' is not a parameter of this interaction; it takes {known}.",
                    kind="unknown-parameter",
                    facts=(("parameter", name),),
                )
                for name in unknown
            ),
        )


def render(answer: Answer, form: Format, asked: Presentation, definitions: Definitions) -> bytes:
    """The answer's body in the form asked for."""
    body = answer.body
    if not asked.cuts:
        if form == "xml":
            return to_xml(decode(body), definitions, pretty=asked.pretty)
        return msgspec.json.format(body, indent=2) if asked.pretty else body
    resource = _cut(decode(body), answer.interaction, _cutter(asked, definitions))
    if form == "xml":
        return to_xml(resource, definitions, pretty=asked.pretty)
    encoded = encode(resource)
    return msgspec.json.format(encoded, indent=2) if asked.pretty else encoded


def _cut(resource: Resource, interaction: str, part: Callable[[Resource], Resource]) -> Resource:
    kind = resource.get("resourceType")
    if kind == _WHOLE:
        return resource
    if kind != "Bundle" or interaction in _INSTANCES:
        return part(resource)
    entries = [
        {**entry, "resource": part(entry["resource"])}
        if entry.get("resource", {}).get("resourceType", _WHOLE) != _WHOLE
        else entry
        for entry in resource.get("entry", ())
    ]
    return {**resource, "entry": entries} if entries else resource


def _cutter(asked: Presentation, definitions: Definitions) -> Callable[[Resource], Resource]:
    def part(resource: Resource) -> Resource:
        if asked.elements:
            kind = resource["resourceType"]
            own = [name for each in asked.elements if (name := _own(each, kind))]
            # Named with their type, elements are asked of that type only, and others stay as they are.
            return elements_only(resource, own, definitions) if own else resource
        if asked.summary == "true":
            return summarise(resource, definitions)
        return text_only(resource, definitions) if asked.summary == "text" else data_only(resource)

    return part


def _own(name: str, kind: str) -> str:
    """The element of a resource of this type; empty when ``name`` is of another type."""
    first, _, rest = name.partition(".")
    if not first[:1].isupper():
        return name
    return rest if first == kind else ""
