"""``List.entry.date``: R4 allows it in a working list only (lst-3). In others it is carried.
https://hl7.org/fhir/R4/list.html#invs
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values

_PATH: Final = "List.entry"


def translated(values: Values, direction: Direction) -> Values:
    """Mode and entries, in both directions: the table has all dates carried, those of a working list are put back."""
    convert = direction.objects(_PATH, _PATH)
    made: Values = {}
    if "mode" in values:
        made["mode"] = values["mode"]
    if "_mode" in values:
        made["_mode"] = direction.element(values["_mode"])
    if "entry" in values:
        entries = [convert(each) for each in values["entry"]]
        if values.get("mode") == "working":
            url = f"{direction.source.prefix}{_PATH}.date"
            entries = [_dated(each, url) for each in entries]
        made["entry"] = entries
    return made


def _dated(entry: Values, url: str) -> Values:
    found = [each for each in entry.get("extension", ()) if each.get("url") == url]
    if not found:
        return entry
    made = {name: value for name, value in entry.items() if name != "extension"}
    kept = [each for each in entry["extension"] if each.get("url") != url]
    if kept:
        made["extension"] = kept
    for name, other in (("valueDateTime", "date"), ("_valueDateTime", "_date")):
        if name in found[0]:
            made[other] = found[0][name]
    return made
