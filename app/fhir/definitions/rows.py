"""One line of text per element of the tables: written by the generator, read by the loader.

A row is what one ``ElementDefinition`` says, https://hl7.org/fhir/R4/elementdefinition.html::

    [@][+][!]MIN..MAX TYPES [VALUESET]

``@`` marks an XML attribute, ``+`` an element of the summary, ``!`` one that modifies what the others mean. TYPES are
separated by commas, each with its reference targets: ``Reference(Patient|Group)``. A path such as
``Observation.component`` as the type means the elements listed under that path. VALUESET is the value set of a required
binding, short for ``http://hl7.org/fhir/ValueSet/…`` unless it holds a ``:``. A member name that ends on ``[x]`` is a
choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

VALUE_SETS = "http://hl7.org/fhir/ValueSet/"
SEARCH_PARAMETERS = "http://hl7.org/fhir/SearchParameter/"
BINDABLE = frozenset({"code", "Coding", "CodeableConcept", "Quantity", "string", "uri"})

Xml = Literal["attribute", "element", "xhtml"]


@dataclass(frozen=True, slots=True)
class Element:
    """One member of a type as it may stand in JSON; a choice gives one element for each of its types.

    ``name`` ends on ``[x]`` for a choice and ``choice`` is then its base name. ``type`` is a FHIR type or a backbone
    path. ``many`` says that JSON has an array here; ``maximum`` is None when unbounded. ``targets`` are resource types,
    empty for any. ``binding`` is the canonical (without version) of the required value set. ``summary`` says that the
    element belongs to ``_summary=true``, ``modifier`` that it can change what the elements around it mean.
    """

    name: str
    type: str
    min: int
    many: bool
    maximum: int | None
    targets: tuple[str, ...]
    binding: str | None
    choice: str | None
    is_primitive: bool
    xml: Xml
    summary: bool
    modifier: bool


def write_row(
    minimum: int,
    maximum: str,
    *,
    types: Sequence[tuple[str, Sequence[str]]],
    binding: str | None,
    attribute: bool,
    summary: bool,
    modifier: bool,
) -> str:
    """The row of one element definition; ``types`` pairs each type with its targets."""
    marks = f"{'@' if attribute else ''}{'+' if summary else ''}{'!' if modifier else ''}"
    listed = ",".join(f"{name}({'|'.join(targets)})" if targets else name for name, targets in types)
    tail = f" {binding.removeprefix(VALUE_SETS)}" if binding else ""
    return f"{marks}{minimum}..{maximum} {listed}{tail}"


def read_row(name: str, row: str) -> Iterator[tuple[str, Element]]:
    """The JSON member names, with their elements, that one row stands for."""
    cardinality, types, *rest = row.split(" ")
    binding = canonical(rest[0], VALUE_SETS) if rest else None
    numbers = cardinality.lstrip("@+!")
    marks = cardinality[: -len(numbers)]
    minimum, maximum = numbers.split("..")
    choice = name.removesuffix("[x]") if name.endswith("[x]") else None
    for listed in types.split(","):
        kind, _, targets = listed.removesuffix(")").partition("(")
        yield (
            choice + kind[0].upper() + kind[1:] if choice else name,
            Element(
                name=name,
                type=kind,
                min=int(minimum),
                many=maximum not in ("0", "1"),
                maximum=None if maximum == "*" else int(maximum),
                targets=tuple(targets.split("|")) if targets else (),
                binding=binding if kind in BINDABLE else None,
                choice=choice,
                is_primitive=kind[0].islower(),
                xml="attribute" if "@" in marks else "xhtml" if kind == "xhtml" else "element",
                summary="+" in marks,
                modifier="!" in marks,
            ),
        )


def canonical(short: str, prefix: str) -> str:
    """The whole canonical of a name that the tables shorten: one without ``:`` begins with ``prefix``."""
    return short if ":" in short else prefix + short
