"""Apple Health's ``export.xml``, as it streams by. https://developer.apple.com/documentation/healthkit

Its document type is left out before it is parsed: Apple's own is not always well formed, and without one there is
nothing to expand and nothing to fetch. What is not a kind here is counted by type.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from xml.parsers import expat

from app.fhir.dates import to_microseconds
from app.measurements.importing.apple_types import AppleType, apple_types
from app.measurements.importing.lines import Device, Line, Problem, Taken, names
from app.measurements.importing.numbers import in_own_unit
from app.measurements.importing.totals import Totals
from app.measurements.kinds import kinds

SLICE: Final = 65_536
_LONGEST_PROLOG: Final = 1_048_576
_LONGEST_TOKEN: Final = 1_048_576
_DEEPEST: Final = 40
_MOST_NAMES: Final = 2_000
_MOST_LOOSE: Final = 100_000
_ROOT: Final = re.compile(rb"<HealthData[\s>/]")
_PRESSURE: Final = "HKCorrelationTypeIdentifierBloodPressure"
_LABEL: Final = re.compile(r"(manufacturer|model|hardware):([^>]{1,80}?)(?=, [a-z]+:|>|$)")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_COUNTED: Final = frozenset({"Workout", "ActivitySummary", "ClinicalRecord", "Audiogram", "VisionPrescription"})
_SIX_HOURS: Final = 6 * 3600
Attributes = dict[str, str]


class _TooMuch(Exception):
    """What no export needs: nested too deep, or names without end."""


class AppleReader:
    """See ``Reader``. Lines are those of the XML; of what is added up, the first of the day."""

    def __init__(self) -> None:
        self.read = 0
        self.is_health_data = False
        self.unused: Counter[str] = Counter()
        self._types = apple_types()
        self._prolog: bytes | None = b""
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._leave
        self._fed = 0
        self._depth = 0
        self._found: list[Line] = []
        self._ended = False
        self._until = ""
        self._totals = Totals()
        self._devices: dict[tuple[str, str], Device] = {}
        self._panel: dict[str, tuple[int, Attributes]] | None = None
        self._panel_line = 0
        self._loose: dict[tuple[str, str], dict[str, tuple[int, Attributes]]] = {}

    def feed(self, piece: bytes) -> Iterator[Line]:
        for start in range(0, len(piece), SLICE):
            if self._ended:
                return
            self._take(piece[start : start + SLICE])
            yield from self._given()

    def end(self) -> Iterator[Line]:
        if self._prolog is not None and not self._ended:
            self._stop("xml-not-apple")
        elif not self._ended:
            self._parse(b"", last=True)
        yield from self._given()
        if self._prolog is not None:
            return
        for parts in self._loose.values():
            self._pressure(parts)
            yield from self._given()
        yield from self._totals.lines(until=self._until)
        self.unused.update({f"less:{name}": count for name, count in self._totals.left.items()})

    def _given(self) -> Sequence[Line]:
        found, self._found = self._found, []
        return found

    def _take(self, piece: bytes) -> None:
        if self._prolog is None:
            self._parse(piece)
            return
        self._prolog += piece
        root = _ROOT.search(self._prolog)
        if root is not None:
            self.is_health_data = True
            prolog, rest, self._prolog = self._prolog[: root.start()], self._prolog[root.start() :], None
            if b"<!ENTITY" in prolog:
                self._stop("xml-entities")
            else:
                self._parse(_without_doctype(prolog) + rest)
        elif len(self._prolog) > _LONGEST_PROLOG:
            self._stop("xml-not-apple")

    def _parse(self, piece: bytes, *, last: bool = False) -> None:
        self._fed += len(piece)
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            self._stop("xml-broken", error.lineno)
        except _TooMuch:
            self._stop("xml-too-much", self._parser.CurrentLineNumber)
        if not last and self._fed - max(self._parser.CurrentByteIndex, 0) > _LONGEST_TOKEN:
            self._stop("xml-too-much", self._parser.CurrentLineNumber)

    def _stop(self, code: str, line: int = 1) -> None:
        if not self._ended:
            self._ended = True
            self._found.append(Line(line, None, (Problem(code),)))

    def _start(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        if name == "Record":
            self._record(attributes)
        elif name == "Correlation":
            self.read += 1
            if attributes.get("type") == _PRESSURE:
                self._panel, self._panel_line = {}, self._parser.CurrentLineNumber
            else:
                self._leave_out(attributes.get("type", name))
        elif name == "ExportDate":
            day = attributes.get("value", "")[:10]
            self._until = day if _DAY.fullmatch(day) else ""
        elif name in _COUNTED:
            self.read += 1
            self._leave_out(name)
        elif self._depth > _DEEPEST:
            raise _TooMuch

    def _leave(self, name: str) -> None:
        self._depth -= 1
        if name == "Correlation" and self._panel is not None:
            panel, self._panel = self._panel, None
            self._pressure(panel)

    def _leave_out(self, name: str) -> None:
        if name not in self.unused and len(self.unused) >= _MOST_NAMES:
            raise _TooMuch
        self.unused[name[:200]] += 1

    def _record(self, attributes: Attributes) -> None:
        found = self._types.get(attributes.get("type", ""))
        if self._panel is not None:
            if found is not None and found.how == "part":
                self._panel[found.value.name] = self._parser.CurrentLineNumber, attributes
            return  # what a correlation holds is in the file by itself too
        self.read += 1
        if self._depth > _DEEPEST:
            raise _TooMuch
        if found is None:
            self._leave_out(attributes.get("type", "Record"))
        elif found.how == "each":
            self._each(found, attributes)
        elif found.how == "part":
            self._part(found, attributes)
        else:
            self._piece(found, attributes)

    def _each(self, found: AppleType, attributes: Attributes) -> None:
        problems: list[Problem] = []
        number = _number(found, attributes, problems)
        text, at = _time(attributes, "startDate", problems)
        line = self._parser.CurrentLineNumber
        if number is None or at is None:
            self._found.append(Line(line, None, problems))
            return
        taken = Taken(found.kind, {found.value.name: number}, text, at, self._device(attributes))
        self._found.append(Line(line, taken))

    def _piece(self, found: AppleType, attributes: Attributes) -> None:
        problems: list[Problem] = []
        line = self._parser.CurrentLineNumber
        if found.how == "night":
            self._asleep(found, attributes, line, problems)
        else:
            number = _number(found, attributes, problems)
            text, at = _time(attributes, "startDate", problems)
            if number is not None and at is not None:
                device = self._device(attributes)
                total = self._totals.of(found.kind, text[:10], device, line=line, name=found.name)
                if total is None:
                    raise _TooMuch
                total.value += number
        if problems:
            self._found.append(Line(line, None, problems))

    def _asleep(self, found: AppleType, attributes: Attributes, line: int, problems: list[Problem]) -> None:
        """The night is that of the day of waking up: what ends before 18:00 belongs to the day itself."""
        if attributes.get("value") not in found.asleep:
            self._leave_out(attributes.get("value", found.name))
            return
        _, low = _time(attributes, "startDate", problems)
        text, high = _time(attributes, "endDate", problems)
        if low is None or high is None:
            return
        if not low < high <= low + 24 * 3_600_000_000:
            problems.append(Problem("interval", "endDate"))
            return
        end = datetime.fromisoformat(text).replace(tzinfo=None)
        day = datetime.fromordinal(end.toordinal() + (end.hour * 3600 + _SIX_HOURS >= 24 * 3600)).date().isoformat()
        total = self._totals.of(found.kind, day, self._device(attributes), line=line, name=found.name)
        if total is None:
            raise _TooMuch
        total.cover(low, high)

    def _part(self, found: AppleType, attributes: Attributes) -> None:
        """A pressure by itself: as a rule it is in a correlation further on, and else the other one is too."""
        if len(self._loose) >= _MOST_LOOSE:
            raise _TooMuch
        parts = self._loose.setdefault(_key(attributes), {})
        parts[found.value.name] = self._parser.CurrentLineNumber, attributes

    def _pressure(self, parts: Mapping[str, tuple[int, Attributes]]) -> None:
        kind = kinds()["blood-pressure"]
        line = min((line for line, _ in parts.values()), default=self._panel_line)
        problems: list[Problem] = []
        values: dict[str, Decimal] = {}
        for value in kind.components:
            if value.name not in parts:
                problems.append(Problem("part-missing", facts={"kind": names(kind), "name": names(value)}))
                continue
            attributes = parts[value.name][1]
            found = self._types[attributes["type"]]
            number = _number(found, attributes, problems)
            if number is not None:
                values[value.name] = number
        if not parts:
            self._found.append(Line(line, None, problems))
            return
        attributes = next(iter(parts.values()))[1]
        if self._loose:
            for _, each in parts.values():
                self._forget(each, parts)
        text, at = _time(attributes, "startDate", problems)
        taken = None if problems else Taken(kind, values, text, at, self._device(attributes))
        self._found.append(Line(line, taken, problems))

    def _forget(self, attributes: Attributes, parts: Mapping[str, tuple[int, Attributes]]) -> None:
        """What stands in a correlation is not taken a second time."""
        loose = self._loose.get(_key(attributes))
        if loose is not None and loose is not parts:
            del self._loose[_key(attributes)]

    def _device(self, attributes: Attributes) -> Device:
        key = attributes.get("sourceName", ""), attributes.get("device", "")
        found = self._devices.get(key)
        if found is None:
            if len(self._devices) >= _MOST_NAMES:
                self._devices.clear()
            label = dict(_LABEL.findall(key[1]))
            model = " ".join(filter(None, (label.get("model", ""), label.get("hardware", ""))))
            name = _plain(key[0]) or "Apple Health"
            found = self._devices[key] = Device(name, _plain(label.get("manufacturer", "")), _plain(model))
        return found


def _key(attributes: Attributes) -> tuple[str, str]:
    return attributes.get("startDate", ""), attributes.get("sourceName", "")


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text).strip()[:100]


def _number(found: AppleType, attributes: Attributes, problems: list[Problem]) -> Decimal | None:
    unit = found.units.get(attributes.get("unit", ""))
    if unit is None:
        known = ", ".join(found.units)
        problems.append(Problem("unit", "unit", {"name": names(found.value), "units": known}))
    try:
        number = Decimal(attributes.get("value", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > 10**12:
        problems.append(Problem("number", "value", {"name": names(found.value)}))
        return None
    if unit is None:
        return None
    if found.times != 1:
        number = (number * found.times).normalize() + 0
    if unit != found.value.unit:
        return in_own_unit(number, unit, found.value)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent < -found.value.decimals - 2:  # a phone computes in binary: 81.5999755859375
        return round(number, found.value.decimals + 2).normalize() + 0
    return number


def _time(attributes: Attributes, name: str, problems: list[Problem]) -> tuple[str, int | None]:
    """``2023-05-01 08:00:00 +0200`` as a FHIR dateTime, and in µs."""
    text = attributes.get(name, "")
    told = f"{text[:10]}T{text[11:19]}{text[20:23]}:{text[23:]}"
    try:
        return told, to_microseconds(datetime.fromisoformat(told))
    except (ValueError, TypeError):
        problems.append(Problem("time", name))
        return "", None


def _without_doctype(prolog: bytes) -> bytes:
    """The XML declaration, and as many lines as there were."""
    begin = prolog.find(b"<!DOCTYPE")
    return prolog if begin < 0 else prolog[:begin] + b"\n" * prolog.count(b"\n", begin)
