"""What a search parameter matches and how it is written, in words for people.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.server.search.kinds import KINDS
from app.server.search.registry import Param

FORMS: Final[Mapping[str, str]] = {
    "token": "code, system|code, |code or system|",
    "date": "[prefix]YYYY[-MM[-DD[Thh:mm[:ss][zone]]]]",
    "string": "the beginning of the text, in any case and without regard to accents",
    "reference": "id, Type/id or URL",
    "quantity": "[prefix]number, [prefix]number|system|code or [prefix]number||unit",
    "number": "[prefix]number",
    "uri": "the whole URI",
    "composite": "the values of its parts, joined by $",
    "special": "latitude|longitude|distance|unit, distance and unit may be left out",
}
"""How a value is written, by type of parameter."""
_TO_TYPE: Final = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
_AS: Final = re.compile(r"\(?([\w.]+?)(?: as |\.as\(|\.ofType\()(\w+)\)?\)?")
_EXTENSION: Final = re.compile(r"\.extension\('(?:[^']*/)?([^'/]+)'\)(?:\.value)?")


def where_found(expression: str) -> str:
    """The elements of an expression of FHIRPath, as people write them."""
    text = _TO_TYPE.sub(r", where it is a \1", expression)
    text = _AS.sub(r"\1 (\2)", text)
    text = _EXTENSION.sub(r", extension \1", text)
    return " or ".join(each.strip() for each in text.split("|"))


def modifiers(param: Param) -> tuple[str, ...]:
    """The modifiers that a parameter takes; ``[type]`` stands for the name of a resource type."""
    listed = sorted({"missing", *KINDS[param.kind].modifiers(param)})
    return (*listed, "[type]") if param.kind == "reference" else tuple(listed)


def prefixes(param: Param) -> tuple[str, ...]:
    """The prefixes that a parameter's values take."""
    return KINDS[param.kind].prefixes


def describe(param: Param) -> str:
    """One or a few sentences: the elements, what they refer to, modifiers, prefixes."""
    definition = param.definition
    if definition.components:
        parts = [each.code for each in param.components]
        within = "" if definition.expression == param.resource_type else f" within one {definition.expression}"
        found = f"{' and '.join(parts)} together{within}, written as {'$'.join(parts)}"
    else:
        found = where_found(definition.expression)
    sentences = [found]
    if param.kind == "reference" and definition.targets:
        sentences.append(f"Refers to {', '.join(definition.targets)}")
    sentences.append(f"Modifiers: {', '.join(modifiers(param))}")
    if prefixes(param):
        sentences.append(f"Prefixes: {', '.join(prefixes(param))}")
    return ". ".join(sentences) + "."
