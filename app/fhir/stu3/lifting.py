"""Members of R4 that STU3 says by an extension: Nictiz brought some back to STU3 for questionnaires.

https://hl7.org/fhir/R4/versions.html#extensions
https://github.com/Nictiz/Nictiz-STU3-Questionnaires (questionnaire-enableBehavior, questionnaire-enableOperator)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.sides import R4, STU3
from app.fhir.stu3.tables import Lifted

_SHAPE: Final = frozenset({"url", "valueCode", "_valueCode"})


class Lifting:
    """Both directions for the rows of one path; ``path`` is that of R4.

    In STU3 such an extension is the first of its list. Where it stood elsewhere, its place is marked beside the member
    of R4. An extension of the same address that R4 has besides is set apart in STU3, so that it stays what it is.
    """

    def __init__(self, direction: Direction, path: str, rows: Sequence[Lifted]) -> None:
        self._element = direction.element
        self._forth = direction.target is R4
        self._rows = rows
        self.names = frozenset(each.name for each in rows)
        self._codes = {each.name: R4.definitions.codes[R4.elements(path)[each.name].binding or ""] for each in rows}
        self._apart = f"{R4.prefix}{path}.extension"
        self._place = f"{STU3.prefix}{path}.extension"

    def __call__(self, given: Values) -> tuple[Values, Values]:
        """What is left to translate, and the members that are ready."""
        return self._lift(given) if self._forth else (self._lower(given), {})

    def _lift(self, given: Values) -> tuple[Values, Values]:
        extensions = given.get("extension")
        if not extensions:
            return given, {}
        left, found = list(extensions), Values()
        for row in self._rows:
            place = self._liftable(row, left)
            if place is not None:
                found.update(self._member(row, left.pop(place), place))
        left = [self._with_others(each) for each in left]
        rest = {name: value for name, value in given.items() if name != "extension"}
        return ({**rest, "extension": left} if left else rest), found

    def _with_others(self, extension: Values) -> Values:
        """One that was set apart, as it was."""
        within: Sequence[Values] = extension.get("extension", ()) if extension.get("url") == self._apart else ()
        return within[0] if len(within) == 1 else extension

    def _liftable(self, row: Lifted, extensions: Sequence[Values]) -> int | None:
        """Where the only extension stands that says this member."""
        places = [place for place, each in enumerate(extensions) if each.get("url") == row.extension]
        if len(places) != 1:
            return None
        one = extensions[places[0]]
        code = one.get("valueCode")
        return places[0] if one.keys() <= _SHAPE and code in self._codes[row.name] else None

    def _member(self, row: Lifted, extension: Values, place: int) -> Values:
        code, beside = extension["valueCode"], extension.get("_valueCode")
        beside = None if beside is None else self._element(beside)
        if place or code in row.but:
            mark = {"url": self._place, "valueInteger": place}
            beside = {**(beside or {}), "extension": [*(beside or {}).get("extension", ()), mark]}
        return {row.name: code} if beside is None else {row.name: code, f"_{row.name}": beside}

    def _lower(self, given: Values) -> Values:
        extensions: list[Values] = list(given.get("extension", ()))
        said = set[str]()
        for row in reversed(self._rows):
            code, beside = given.get(row.name), given.get(f"_{row.name}")
            place, beside = self._marked(beside)
            standing = [each for each in extensions if each.get("url") == row.extension]
            lowered = code in self._codes[row.name] and (place is not None or code not in row.but)
            if standing and (lowered or self._liftable(row, extensions) is not None):
                extensions = [
                    {"url": self._apart, "extension": [each]} if each.get("url") == row.extension else each
                    for each in extensions
                ]
            if lowered:
                one = {"url": row.extension, "valueCode": code}
                extensions.insert(place or 0, one if beside is None else {**one, "_valueCode": beside})
                said.update((row.name, f"_{row.name}"))
        if not said and extensions == given.get("extension", []):
            return given
        rest = {name: value for name, value in given.items() if name not in said and name != "extension"}
        return {**rest, "extension": extensions} if extensions else rest

    def _marked(self, beside: Any) -> tuple[int | None, Any]:
        """The place that is marked beside a member, and what else stands there."""
        extensions = beside.get("extension", ()) if isinstance(beside, dict) else ()
        place = next((each.get("valueInteger") for each in extensions if each.get("url") == self._place), None)
        if not isinstance(place, int):
            return None, beside
        kept = [each for each in extensions if each.get("url") != self._place]
        rest = {name: value for name, value in beside.items() if name != "extension"}
        return place, ({**rest, "extension": kept} if kept else rest) or None
