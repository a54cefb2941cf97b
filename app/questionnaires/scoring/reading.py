"""Reads a scoring program, and says all that is wrong with it at once. The format is in ``program.py``.
https://hl7.org/fhir/uv/sdc/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final, cast

from app.questionnaires.scoring.bands import read_bands
from app.questionnaires.scoring.elements import Place, Unreadable
from app.questionnaires.scoring.program import (
    Dimension,
    Key,
    Linear,
    LookUp,
    Method,
    Part,
    Program,
    Rounding,
    Several,
    Show,
    Step,
    StraightLine,
    Threshold,
    TScore,
    Values,
    Words,
)

BASE: Final = "$base"
_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")
"""Short, since the ids are part of codes and of the ids of results."""
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_PROGRAM: Final = (
    *("id", "version", "source", "confirmed", "code", "cut_offs", "missing"),
    *("values", "several", "dimensions"),
)
_DIMENSION: Final = (
    *("id", "nl", "en", "meaning", "code", "method", "items", "of", "range", "recode", "values", "several"),
    *("minimum", "prorate", "straight_line", "then", "round", "unit", "scale", "bands", "change", "better", "show"),
)
_PART: Final = ("item", "dimension", "values", "recode", "reverse", "weight", "unit", "several")
_RULES: Final = ("half-up", "half-even", "down", "up")
_SEVERAL: Final = ("sum", "highest", "lowest", "count")


def read_program(data: Any, canonical_base: str) -> Program:
    """The program that data says, as YAML or JSON gives them. Raises ``Unreadable`` with all problems."""
    problems: list[str] = []
    found = _Reading(canonical_base).program(Place(data, "", problems))
    if problems:
        raise Unreadable(problems)
    return found


class _Reading:
    """One reading; a member that is wrong is noted and read as something harmless."""

    def __init__(self, canonical_base: str) -> None:
        self._base = canonical_base
        self._values: Values | None = None
        self._several: Several = ""

    def program(self, place: Place) -> Program:
        """The whole of it."""
        given = place.members(*_PROGRAM, needed=("id", "version", "dimensions"))
        name = self._id(given.get("id"))
        version = self._version(given.get("version"))
        cut_offs = self._version(given.get("cut_offs")) or version
        if "values" in given:
            self._values = self._read_values(given["values"])
        if "several" in given:
            self._several = cast(Several, given["several"].choice(*_SEVERAL))
        dimensions: list[Dimension] = []
        for each in given["dimensions"].each() if "dimensions" in given else ():
            made = self._dimension(each, name, cut_offs, dimensions)
            if any(made.id == other.id for other in dimensions):
                each.fail("has the id of another dimension.")
            dimensions.append(made)
        if "dimensions" in given and not dimensions:
            given["dimensions"].fail("must have one dimension at least.")
        return Program(
            name,
            version,
            given["source"].text() if "source" in given else "",
            given["confirmed"].flag() if "confirmed" in given else True,
            self._code(given.get("code"), name),
            cut_offs,
            frozenset(self._table(given["missing"], counted=False)) if "missing" in given else frozenset(),
            tuple(dimensions),
        )

    def _dimension(self, place: Place, program: str, cut_offs: str, before: list[Dimension]) -> Dimension:
        given = place.members(*_DIMENSION, needed=("id", "nl", "en", "method"))
        name = self._id(given.get("id"))
        methods = ("sum", "mean", "lowest", "highest", "items")
        method = cast(Method, given["method"].choice(*methods) if "method" in given else "sum")
        parts = self._parts(place, given, method, before)
        steps = tuple(self._step(each) for each in given["then"].each()) if "then" in given else ()
        rounding = _rounding(given["round"]) if "round" in given else None
        prorate = "prorate" in given and given["prorate"].choice("mean", "none") == "mean"
        line = given.get("straight_line")
        bands = read_bands(given["bands"], cut_offs, rounding) if "bands" in given else {}
        made = Dimension(
            id=name,
            words=Words(given["nl"].text() if "nl" in given else "", given["en"].text() if "en" in given else ""),
            meaning=_words(given["meaning"]) if "meaning" in given else Words("", ""),
            code=self._code(given.get("code"), f"{program}-{name}"),
            method=method,
            parts=parts,
            of_dimensions="of" in given,
            range=given["range"].pair() if "range" in given else None,
            minimum=given["minimum"].whole(1, max(len(parts), 1)) if "minimum" in given else len(parts),
            prorate=prorate,
            straight_line=_straight_line(line) if line is not None else None,
            steps=steps,
            rounding=rounding,
            unit=given["unit"].text() if "unit" in given else "{score}",
            scale=given["scale"].pair() if "scale" in given else None,
            bands=bands,
            change=_threshold(given["change"]) if "change" in given else None,
            better=cast(Any, given["better"].choice("higher", "lower")) if "better" in given else "",
            show=cast(Show, given["show"].choice("number", "circle", "balloon", "wheel", "ladder", "text"))
            if "show" in given
            else "number",
        )
        _agree(place, made, given, cut_offs)
        return made

    def _parts(
        self, place: Place, given: Mapping[str, Place], method: Method, before: list[Dimension]
    ) -> tuple[Part, ...]:
        if ("items" in given) == ("of" in given):
            place.fail("must have items or of, and not both.")
            return ()
        values = self._read_values(given["values"]) if "values" in given else self._values
        several = cast(Several, given["several"].choice(*_SEVERAL)) if "several" in given else self._several
        recode = given["recode"].table() if "recode" in given else {}
        of = "of" in given
        found: list[Part] = []
        for each in given["of" if of else "items"].each():
            part = self._part(each, None if of else values, recode, several)
            if of and not any(part.id == other.id and other.method != "items" for other in before):
                each.fail("must name a dimension before this one that gives a number.")
            if any(part.id == other.id for other in found):
                each.fail("stands there twice.")
            if not of and part.values is None and method != "items":
                each.fail("needs values, here, for the dimension or for the program.")
            if part.reverse and "range" not in given:
                each.fail("is reversed, for which the dimension needs a range.")
            found.append(part)
        if not found:
            place.fail("must have one part at least.")
        return tuple(found)

    def _part(self, place: Place, values: Values | None, recode: Mapping[Fraction, Fraction], several: Several) -> Part:
        if not isinstance(place.value, Mapping):
            return Part(place.text(), values, recode, several=several)
        given = place.members(*_PART)
        name = given.get("item") or given.get("dimension")
        if name is None:
            place.fail("must have item (a linkId) or dimension.")
        weight = given["weight"].number() if "weight" in given else Fraction(1)
        if weight <= 0:
            given["weight"].fail("must be above 0.")
            weight = Fraction(1)
        return Part(
            name.text() if name is not None else "",
            self._read_values(given["values"]) if "values" in given else values,
            given["recode"].table() if "recode" in given else recode,
            "reverse" in given and given["reverse"].flag(),
            weight,
            given["unit"].text() if "unit" in given else "",
            cast(Several, given["several"].choice(*_SEVERAL)) if "several" in given else several,
        )

    def _read_values(self, place: Place) -> Values:
        if isinstance(place.value, str):
            return Values(cast(Any, place.choice("ordinal", "number")))
        codes: dict[Key, Fraction] = {}
        booleans: dict[bool, Fraction] = {}
        for each in place.each() if isinstance(place.value, list) else (place,):
            if isinstance(each.value, Mapping) and "boolean" in each.value:
                for key, number in each.members("boolean")["boolean"].entries():
                    if str(key).lower() in ("true", "false"):
                        booleans[str(key).lower() == "true"] = number.number()
                    else:
                        number.fail("must stand beside true or false.")
            else:
                codes |= self._table(each)
        if not codes and not booleans:
            place.fail("must have one answer at least.")
        return Values("table", codes, booleans)

    def _table(self, place: Place, *, counted: bool = True) -> dict[Key, Fraction]:
        """Codes of one system, with their numbers; without numbers a list."""
        given = place.members("system", "codes", needed=("codes",))
        system = self._system(given["system"].text()) if "system" in given else ""
        if "codes" not in given:
            return {}
        if counted:
            return {(system, str(code)): number.number() for code, number in given["codes"].entries()}
        return {(system, each.text()): Fraction(0) for each in given["codes"].each()}

    def _step(self, place: Place) -> Step:
        given = place.members("look_up", "linear", "t_score", "round", "complete")
        kinds = [name for name in ("look_up", "linear", "t_score", "round") if name in given]
        if len(kinds) != 1 or ("complete" in given and kinds != ["look_up"]):
            place.fail("must be one of look_up (with complete or without), linear, t_score, round.")
            return Rounding(0, "half-up")
        inner = given[kinds[0]]
        if kinds[0] == "look_up":
            table = inner.table()
            if not table:
                inner.fail("must have one number at least.")
            return LookUp(table, "complete" in given and given["complete"].flag())
        if kinds[0] == "linear":
            ends = inner.members("from", "to", needed=("from", "to"))
            whole = Fraction(0), Fraction(1)
            source = ends["from"].pair() if "from" in ends else whole
            return Linear(source, ends["to"].pair(falling=True) if "to" in ends else whole)
        if kinds[0] == "t_score":
            both = inner.members("mean", "sd", needed=("mean", "sd"))
            sd = both["sd"].number() if "sd" in both else Fraction(1)
            if sd <= 0:
                inner.fail("must have an sd above 0.")
                sd = Fraction(1)
            return TScore(both["mean"].number() if "mean" in both else Fraction(0), sd)
        return _rounding(inner)

    def _code(self, place: Place | None, own: str) -> Key:
        if place is None:
            return f"{self._base}/CodeSystem/score", own
        system, _, code = place.text().rpartition("|")
        if not system or not code:
            place.fail("must be system|code.")
        return self._system(system), code

    def _system(self, system: str) -> str:
        return self._base + system.removeprefix(BASE) if system.startswith(f"{BASE}/") else system

    @staticmethod
    def _id(place: Place | None) -> str:
        if place is None:
            return ""
        found = place.text()
        if not _ID.fullmatch(found):
            place.fail("must be an id: small letters, digits, '-' and '.', 32 at most.")
        return found

    @staticmethod
    def _version(place: Place | None) -> str:
        if place is None:
            return ""
        found = place.text()
        if not _VERSION.fullmatch(found):
            place.fail("must be a version: letters, digits, '.', '_' and '-', 32 at most.")
        return found


def _agree(place: Place, made: Dimension, given: Mapping[str, Place], cut_offs: str) -> None:
    """What must hold between the members of a dimension."""
    counted = ("range", "minimum", "prorate", "straight_line", "then", "round", "scale", "bands", "change", "meaning")
    if made.method == "items":
        wrong = [name for name in counted if name in given and name != "meaning"]
        if wrong or made.of_dimensions:
            place.fail(f"gives items one by one, and cannot have {', '.join(wrong) or 'of'}.")
        return
    if "meaning" not in given:
        place.fail("lacks meaning: one sentence on what the number is, and what it is not.")
    if made.prorate and made.method != "sum":
        place.fail("can be prorated only as a sum.")
    if made.rounding is None and _may_not_end(made):
        place.fail("must say how it is rounded, since the number need not end.")
    if made.bands and cut_offs not in made.bands:
        place.fail("has bands, but none of the cut-offs of the program.")


def _may_not_end(made: Dimension) -> bool:
    """Whether a result could be a number without an end, such as a third."""
    endless = made.method == "mean" or made.prorate
    for step in made.steps:
        endless = not isinstance(step, LookUp | Rounding)
    return endless


def _rounding(place: Place) -> Rounding:
    given = place.members("digits", "rule", needed=("digits", "rule"))
    digits = given["digits"].whole(0, 6) if "digits" in given else 0
    return Rounding(digits, cast(Any, given["rule"].choice(*_RULES)) if "rule" in given else "half-up")


def _straight_line(place: Place) -> StraightLine:
    given = place.members("values")
    return StraightLine(
        frozenset(each.number() for each in given["values"].each()) if "values" in given else frozenset()
    )


def _threshold(place: Place) -> Threshold:
    given = place.members("at_least", "more_than", "source")
    if ("at_least" in given) == ("more_than" in given):
        place.fail("must have at_least or more_than, and not both.")
    over = "more_than" in given
    number = given.get("more_than") or given.get("at_least")
    value = number.number() if number is not None else Fraction(1)
    if number is not None and (value < 0 or (value == 0 and not over)):
        number.fail("must be above 0.")
    return Threshold(value, over, given["source"].text() if "source" in given else "")


def _words(place: Place) -> Words:
    given = place.members("nl", "en", needed=("nl", "en"))
    return Words(*(given[name].text() if name in given else "" for name in ("nl", "en")))
