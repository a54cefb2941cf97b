"""Extensions, in which a value of a type that STU3's cannot hold is marked or carried.
https://hl7.org/fhir/R4/extensibility.html
"""

from __future__ import annotations

from typing import Any

from app.errors import Issue, Unprocessable
from app.fhir.stu3.carrying import PLAIN, carry, type_mark
from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.restoring import marked_type, restored_value
from app.fhir.stu3.sides import R4, STU3, value_name


class Untranslatable(Unprocessable):
    """A resource, or one within it, that the other version cannot have: ``issues`` have where it stands."""


class Extensions:
    """The converter of extensions in one direction."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._own = direction.source.prefix
        # On the way in only: it would come back as an element. What is kept already is never refused on the way out.
        self._refuses = direction.source is STU3
        self._theirs = direction.target.prefix if direction.source is R4 else ""
        self._wrapped = f"{R4.prefix}Extension"
        self._carried = f"{direction.source.prefix}Extension.value"
        self._restored = f"{direction.target.prefix}Extension.value"
        self._elements = direction.source.definitions.types["Extension"]
        self._others = direction.target.definitions.types["Extension"]

    def __call__(self, extension: Values) -> Values:
        """One extension that is nobody's element here. What R4 has as one of STU3's and is none goes out within
        another one, so that it may come in again. Raises ``Untranslatable``.
        """
        url = extension.get("url", "")
        if self._theirs and (url.startswith(self._theirs) or url == self._wrapped):
            return {"url": self._wrapped, "extension": [self._made(extension)]}
        if self._refuses and url == self._wrapped and len(extension.get("extension", ())) == 1:
            return self._made(extension["extension"][0])
        if self._refuses and url.startswith(self._own):
            text = "An extension for an element of another FHIR version stands in a resource of that version itself."
            raise Untranslatable(text, "structure", (Issue("structure", text, ("Extension.url",)),))
        return self._made(extension)

    def _made(self, extension: Values) -> Values:
        made: Values = {}
        for name, value in extension.items():
            if name == "extension":
                self._inner(value, made)
            elif name.removeprefix("_").startswith("value"):
                if name.removeprefix("_") == name or name.removeprefix("_") not in extension:
                    self._value(name.removeprefix("_"), extension, made)
            elif name.startswith("_"):
                made[name] = self._direction.element(value)
            else:
                made[name] = value
        return made

    def _inner(self, extensions: list[Values], made: Values) -> None:
        kept = []
        for each in extensions:
            if each.get("url") == self._restored and (found := restored_value(self._direction, each)):
                made.update(found)
            else:
                kept.append(self(each))
        if kept:
            made["extension"] = [*made.get("extension", ()), *kept]

    def _value(self, name: str, extension: Values, made: Values) -> None:
        direction, element = self._direction, self._elements[name]
        value: Any = extension.get(name)
        beside = extension.get(f"_{name}")
        if name not in self._others and not element.is_primitive:
            made["extension"] = carry(direction, self._carried, name, element, {name: value})
            return
        kind, beside = marked_type(direction, beside)
        other = value_name(kind) if kind else name
        mark = None
        if name not in self._others:
            other, mark = value_name(PLAIN[element.type]), type_mark(direction, element.type)
        if value is not None:
            made[other] = value if element.is_primitive else direction.datatype(element.type)(value)
        held = None if beside is None else direction.element(beside)
        if mark is not None:
            held = {**(held or {}), "extension": [*(held or {}).get("extension", ()), mark]}
        if held is not None:
            made[f"_{other}"] = held
