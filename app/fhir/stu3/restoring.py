"""What ``carrying.py`` put into extensions, as elements again. An extension of such an address that does not hold what
the element would is anybody's: it stays an extension.

https://hl7.org/fhir/R4/versions.html#extensions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from app.fhir.definitions import Element
from app.fhir.stu3.carrying import PLAIN, TYPE, Extension
from app.fhir.stu3.conversions import Direction, Pair, Values, put
from app.fhir.stu3.sides import value_name

Names = Mapping[str, Sequence[str]]


class Restoring:
    """Takes what is carried out of the extensions of one type. ``direction`` goes to the version that it is of;
    ``taken_over``: members that both versions have alike, which nothing is carried for.
    """

    def __init__(self, direction: Direction, path: str, taken_over: AbstractSet[str]) -> None:
        self.path = path
        self._direction = direction
        self._elements = direction.target.elements(path)
        self.start = f"{direction.target.prefix}{path}."
        members = {name: each for name, each in self._elements.items() if name not in taken_over}
        self._names = names_of(members)

    def take(self, extensions: Sequence[Extension]) -> tuple[Sequence[Extension], Values]:
        """Those that are nobody else's, and the members that the others carry."""
        start = self.start
        if not any(each.get("url", "").startswith(start) for each in extensions):
            return extensions, {}
        kept: list[Extension] = []
        items: dict[str, list[Extension]] = {}
        for each in extensions:
            url = each.get("url", "")
            if url.startswith(start) and (name := url[len(start) :]) in self._names:
                items.setdefault(name, []).append(each)
            else:
                kept.append(each)
        made, left = restored(self._direction, self._elements, self._names, items)
        return [*kept, *left], made


def names_of(elements: Mapping[str, Element]) -> dict[str, list[str]]:
    """The JSON members behind each name that an extension has for them: several for a choice."""
    found: dict[str, list[str]] = {}
    for name, element in elements.items():
        found.setdefault(element.choice or name, []).append(name)
    return found


def restored(
    direction: Direction, elements: Mapping[str, Element], names: Names, items: Mapping[str, Sequence[Extension]]
) -> tuple[Values, list[Extension]]:
    """The members that extensions carry, in the version that ``direction`` goes to, and the extensions that do not."""
    made: Values = {}
    left: list[Extension] = []
    for word, extensions in items.items():
        found = [_item(direction, elements, names[word], each) for each in extensions]
        members = {each[0] for each in found if each is not None}
        name = members.pop() if len(members) == 1 and None not in found else ""
        if not name or (len(found) > 1 and not elements[name].many):
            left += extensions
        else:
            put(made, name, [each[1] for each in found if each is not None], many=elements[name].many)
    return made, left


def restored_value(direction: Direction, extension: Extension) -> Values:
    """The value of an extension, by its member, that stands carried in it; empty where it does not."""
    elements = direction.target.definitions.types["Extension"]
    found = _item(direction, elements, names_of(elements)["value"], extension)
    if found is None:
        return {}
    name, (value, beside) = found
    return {key: each for key, each in ((name, value), (f"_{name}", beside)) if each is not None}


def marked_type(direction: Direction, beside: Any) -> tuple[str, Any]:
    """The type that is marked beside a value, and what else stands there."""
    if not isinstance(beside, dict):
        return "", beside
    mark = direction.target.prefix + TYPE
    extensions = beside.get("extension", ())
    kind = next((each.get("valueCode", "") for each in extensions if each.get("url") == mark), "")
    if not kind:
        return "", beside
    kept = [each for each in extensions if each.get("url") != mark]
    rest = {name: value for name, value in beside.items() if name != "extension"}
    return kind, ({**rest, "extension": kept} if kept else rest) or None


def _item(
    direction: Direction, elements: Mapping[str, Element], names: Sequence[str], extension: Extension
) -> tuple[str, Pair] | None:
    held = next((key.removeprefix("_") for key in extension if key.removeprefix("_").startswith("value")), "")
    return (_held if held else _within)(direction, elements, names, extension, held)


def _held(
    direction: Direction, elements: Mapping[str, Element], names: Sequence[str], extension: Extension, held: str
) -> tuple[str, Pair] | None:
    """A value of a data type, which stands in the extension itself."""
    kind, beside = marked_type(direction, extension.get(f"_{held}"))
    choice, name = elements[names[0]].choice, names[0]
    if choice:
        name = choice + (kind[:1].upper() + kind[1:] if kind else held.removeprefix("value"))
    if name not in names:
        return None
    wanted = elements[name].type
    if held not in (value_name(wanted), value_name(PLAIN.get(wanted, wanted))):
        return None
    value = extension.get(held)
    if value is not None and not elements[name].is_primitive:
        value = direction.datatype(wanted)(value)
    return name, (value, None if beside is None else direction.element(beside))


def _within(
    direction: Direction, elements: Mapping[str, Element], names: Sequence[str], extension: Extension, _: str
) -> tuple[str, Pair] | None:
    """A value that consists of members, each of which is an extension."""
    inner: Sequence[Extension] = extension.get("extension", ())
    choice, name = elements[names[0]].choice, names[0]
    if choice:
        if len(inner) != 1:
            return None
        kind = inner[0].get("url", "")
        name, inner = choice + kind[:1].upper() + kind[1:], inner[0].get("extension", ())
    if name not in names or elements[name].is_primitive or not inner:
        return None
    return name, (_assembled(direction, elements[name].type, inner), None)


def _assembled(direction: Direction, kind: str, extensions: Iterable[Extension]) -> Values:
    elements = direction.target.elements(kind)
    names = names_of(elements)
    items: dict[str, list[Extension]] = {}
    made: Values = {}
    convert = direction.datatype("Extension")
    for each in extensions:
        url = each.get("url", "")
        if url == "modifierExtension":
            made.setdefault(url, []).extend(convert(inner) for inner in each.get("extension", ()))
        elif url in names and url != "extension":
            items.setdefault(url, []).append(each)
        else:
            made.setdefault("extension", []).append(convert(each))
    found, left = restored(direction, elements, names, items)
    made.update(found)
    if left:
        made["extension"] = [*made.get("extension", ()), *(convert(each) for each in left)]
    return made
