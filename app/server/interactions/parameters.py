"""What an operation is asked: from the query string, or from the Parameters in the body.
https://hl7.org/fhir/R4/operations.html#request
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from app.errors import Invalid, Issue
from app.fhir.dates import bounds
from app.fhir.resource import Resource
from app.server.interactions.write import body_of
from app.server.messages import GENERAL, Request
from app.server.operations import Parameter
from app.server.search.parse import Part, split_query
from app.server.server import FhirServer

_FAMILIES: Final = (
    frozenset({"string", "code", "uri", "url", "canonical", "id", "markdown", "oid", "uuid"}),
    frozenset({"integer", "positiveInt", "unsignedInt"}),
    frozenset({"date", "dateTime", "instant"}),
    frozenset({"boolean"}),
    frozenset({"decimal"}),
)
"""Primitive types of which one is taken for another of its family."""
_PAGE: Final = "_page"
_LONGEST_NUMBER: Final = 9
_DECIMAL: Final = re.compile(r"(?P<below>-)?[0-9]{1,18}(?:\.[0-9]{1,18})?")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The values by parameter, in their order: str, int, Decimal, bool, the object of a complex type or resource, or
    the ``Inputs`` of one with parts.

    ``page`` is the cursor of a page link; ``query`` the parameters as a link repeats them (complex ones not).
    """

    values: Mapping[str, Sequence[Any]]
    page: str | None = None

    def first(self, name: str) -> Any:
        """The value, or None."""
        found = self.values.get(name)
        return found[0] if found else None

    def all(self, name: str) -> list[str]:
        """Every value of a parameter of text, those between commas apart."""
        return [part for value in self.values.get(name, ()) for each in value.split(",") if (part := each.strip())]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that were given."""
        return tuple(self.values)

    @property
    def query(self) -> str:
        return "&".join(
            f"{name}={_written(value)}"
            for name, values in self.values.items()
            for value in values
            if not isinstance(value, dict | Inputs)
        )


def inputs_of(
    server: FhirServer, request: Request, parameters: Sequence[Parameter], *, body: Resource | None = None
) -> Inputs:
    """What is asked of an operation with these ``parameters``; ``body`` where it was read already. Raises ``Invalid``
    with an issue per bad parameter.
    """
    known = {each.name: each for each in parameters if each.use == "in"}
    reading = _Reading(known)
    page = None
    for name, value, _ in split_query(request.query):
        if name == _PAGE:
            page = value
        elif name not in GENERAL:
            reading.take_text(name, value)
    if body is None and request.method == "POST" and request.body:
        body, _ = body_of(request, server.definitions)
    if body is not None:
        reading.take_body(body, server.definitions.resource_types)
    reading.finish()
    return Inputs(reading.values, page)


def search_parts(server: FhirServer, request: Request) -> list[Part]:
    """The parameters of an operation that takes those of a search, as a query string has them. Raises ``Invalid``."""
    parts = split_query(request.query)
    if request.method != "POST" or not request.body:
        return parts
    body, _ = body_of(request, server.definitions)
    listed = body.get("parameter", [])
    if body.get("resourceType") != "Parameters" or not isinstance(listed, list):
        raise Invalid("The body of an operation is a Parameters resource.", "structure")
    for each in listed:
        values = [value for name, value in each.items() if name.startswith("value")] if isinstance(each, dict) else []
        name = each.get("name") if values else None
        if not isinstance(name, str) or len(values) != 1:
            raise Invalid("Each Parameters.parameter has a name and one value.", "structure")
        value = values[0].get("reference") if isinstance(values[0], dict) else values[0]
        if not isinstance(value, str | int | Decimal):
            raise Invalid(f"'{name}' is given as text, as it is written in an address.", "value")
        text = _plain(value)
        parts.append((name, text, f"{quote(name, safe=':')}={_written(text)}"))
    return parts


class _Reading:
    """Collects values and what is wrong with them."""

    def __init__(self, known: Mapping[str, Parameter]) -> None:
        self._known = known
        self._issues: list[Issue] = []
        self.values: dict[str, list[Any]] = {}

    def take_text(self, name: str, text: str) -> None:
        """A parameter of the query string."""
        parameter = self._find(name)
        if parameter is None:
            return
        family = _family(parameter.type)
        if parameter.type == "Reference" and text:  # its literal is what a query string can say of it
            self._keep(parameter, {"reference": text})
            return
        if not family:
            self._refuse(name, "is not a simple value: send it in a Parameters resource by POST.", "not-supported")
            return
        self._keep(parameter, _read(text, family, signed=parameter.signed))

    def take_body(self, body: Resource, resource_types: frozenset[str]) -> None:
        """The Parameters resource, or the resource itself where the operation takes just one."""
        if body.get("resourceType") != "Parameters":
            takers = [each for each in self._known.values() if each.type in resource_types or each.type == "Resource"]
            if len(takers) != 1:
                raise Invalid("The body of an operation is a Parameters resource.", "structure")
            self._keep(takers[0], _checked(body, takers[0].type))
            return
        listed = body.get("parameter", [])
        if not isinstance(listed, list):
            raise Invalid("Parameters.parameter is a list.", "structure")
        for each in listed:
            name = each.get("name") if isinstance(each, dict) else None
            if not isinstance(name, str):
                raise Invalid("Each Parameters.parameter is an object with a name.", "structure")
            parameter = self._find(name)
            if parameter is not None and parameter.parts:
                self._take_parts(parameter, each)
            elif parameter is not None:
                self._keep(parameter, _value_in(each, parameter))

    def _take_parts(self, parameter: Parameter, given: Resource) -> None:
        """One parameter with parts, whose problems are told with the place that it has among those of its name."""
        listed = given.get("part")
        if set(given) - {"name", "part"} or not isinstance(listed, list):
            self._refuse(parameter.name, "has parts in the Parameters resource, and no value.", "value")
            return
        inner = _Reading({each.name: each for each in parameter.parts})
        try:
            inner.take_body({"resourceType": "Parameters", "parameter": listed}, frozenset())
            inner.finish()
        except Invalid as error:
            place = f"{parameter.name}[{len(self.values.get(parameter.name, ()))}]"
            self._issues += [
                replace(each, diagnostics=f"{place}: {each.diagnostics}", expression=(place,))
                for each in error.all_issues()
            ]
        self.values.setdefault(parameter.name, []).append(Inputs(inner.values))

    def finish(self) -> None:
        """Raises ``Invalid`` when anything was wrong, or is missing."""
        for parameter in self._known.values():
            number = len(self.values.get(parameter.name, ()))
            if number < parameter.min:
                self._refuse(parameter.name, "is required.", "required")
            elif parameter.max != "*" and number > int(parameter.max):
                self._refuse(parameter.name, f"can be given {parameter.max} time(s).", "value")
        if self._issues:
            raise Invalid("The operation has parameters that cannot be used.", issues=tuple(self._issues))

    def _find(self, name: str) -> Parameter | None:
        parameter = self._known.get(name)
        if parameter is None:
            takes = ", ".join(self._known) or "none"
            self._issues.append(
                Issue(
                    "not-supported",
                    f"'{name}' is not a parameter of this operation; it takes {takes}.",
                    kind="unknown-parameter",
                    facts=(("parameter", name),),
                )
            )
        return parameter

    def _keep(self, parameter: Parameter, value: Any) -> None:
        if isinstance(value, _Bad):
            self._refuse(parameter.name, value.text, "value")
        else:
            self.values.setdefault(parameter.name, []).append(value)

    def _refuse(self, name: str, text: str, code: str) -> None:
        said = f"{name}: {text}" if text[0].isupper() else f"{name} {text}"
        self._issues.append(Issue(code, said, facts=(("parameter", name),)))


@dataclass(frozen=True, slots=True)
class _Bad:
    """Why a value cannot be used."""

    text: str


def _family(kind: str) -> frozenset[str]:
    return next((each for each in _FAMILIES if kind in each), frozenset())


def _read(text: str, family: frozenset[str], *, signed: bool = False) -> Any:
    """A value from its text."""
    if not text or "\0" in text:
        return _Bad("needs a value.")
    if "boolean" in family:
        return text == "true" if text in ("true", "false") else _Bad("takes true or false.")
    if "integer" in family:
        # More digits than any limit has are as good as the limit.
        below = signed and text.startswith("-")
        digits = text[1:] if below else text
        if not (digits.isascii() and digits.isdecimal()):
            return _Bad("takes a whole number." if signed else "takes a whole number, 0 or more.")
        number = int(digits.lstrip("0")[:_LONGEST_NUMBER] or "0")
        return -number if below else number
    if "decimal" in family:
        found = _DECIMAL.fullmatch(text)
        if found is None or (found["below"] and not signed):
            return _Bad("takes a number, such as 7.5." if signed else "takes a number of 0 or more, such as 7.5.")
        return Decimal(text)
    if "date" in family:
        return _date(text)
    return text


def _date(text: str) -> Any:
    try:
        bounds(text)
    except Invalid as error:
        return _Bad(f"{error.diagnostics}")
    return text


def _value_in(given: Resource, parameter: Parameter) -> Any:
    """The value of one entry of a Parameters resource."""
    members = [name for name in given if name.startswith("value") or name in ("resource", "part")]
    if len(members) != 1:
        return _Bad("has one value in the Parameters resource.")
    member, value = members[0], given[members[0]]
    if member in ("resource", "part"):
        return _checked(value, parameter.type) if member == "resource" else _Bad("has no parts.")
    kind = member.removeprefix("value")
    family = _family(parameter.type)
    if family:
        if kind[:1].lower() + kind[1:] not in family:
            return _Bad(f"is given as value{parameter.type[0].upper()}{parameter.type[1:]}.")
        text = ("true" if value else "false") if isinstance(value, bool) else value
        numeric = isinstance(text, int | Decimal) and not family.isdisjoint({"integer", "decimal"})
        text = str(text) if numeric else text
        if not isinstance(text, str):
            return _Bad("has a value of another type.")
        return _read(text, family, signed=parameter.signed)
    if kind != parameter.type or not isinstance(value, dict):
        return _Bad(f"is given as value{parameter.type}.")
    return value


def _checked(value: Any, kind: str) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        return _Bad("is a resource.")
    if kind not in ("Resource", value["resourceType"]):
        return _Bad(f"is a {kind} resource.")
    return value


def _written(value: Any) -> str:
    text = _plain(value)
    return text if text.isalnum() and text.isascii() else quote(text, safe=",:-|/.$")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
