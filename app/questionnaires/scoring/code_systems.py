"""The code systems that are made from tables of scoring: what a score is of, and why there is none.

``python -m app.questionnaires.scoring.code_systems`` writes them to ``medmij_profiles/codesystems``. The first is a
fragment: a key that a tenant installed has codes of its own, ``<key>-<dimension>`` and ``<key>-<dimension>-<class>``.
https://hl7.org/fhir/R4/codesystem.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from app.auth.code_systems import FOLDER, Concept, code_system
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, encode
from app.questionnaires.instruments import shipped
from app.questionnaires.scoring.observations import reasons

_PART: Final = (
    Concept("raw", "Points before conversion", "Punten voor omrekening"),
    Concept("class", "Class", "Groep"),
    Concept("answer", "Answer", "Antwoord"),
    Concept("unconfirmed", "Not confirmed", "Niet bevestigd"),
)


def scores() -> Resource:
    """Panels, dimensions and classes of the instruments that come with this service."""
    made = code_system(
        "CodeSystem/score",
        "Scores of questionnaires",
        "What a score is of, where no other code system has a code for it: a questionnaire, a dimension of it, or a"
        " class. Keys that an organisation installs have codes of the same form that are not listed here.",
        _scores(),
    )
    return {**made, "content": "fragment"}


def parts() -> Resource:
    """What the components of a score are."""
    return code_system(
        "CodeSystem/score-part",
        "Parts of a score",
        "What stands beside the number of a score: the points that it was converted from, the class it is in, the"
        " answers of what is no scale. And that a class was not confirmed in a source.",
        iter(_PART),
    )


def absent() -> Resource:
    """Why there is no score."""
    return code_system(
        "CodeSystem/score-reason",
        "Why there is no score",
        "Why a questionnaire that was filled in gives no score.",
        (Concept(code, words.en, words.nl) for code, words in reasons().items()),
    )


def _scores() -> Iterator[Concept]:
    for url, instrument in shipped(CANONICAL_BASE).items():
        rows = [*_rows(instrument.scoring), *_rows(instrument.row.get("keyed"))]
        if not rows or instrument.scoring is None:
            continue
        key = instrument.scoring["id"]
        name = str(instrument.row.get("name", url.rpartition("/")[2]))
        yield Concept(key, name, name)
        for row in rows:
            yield Concept(f"{key}-{row['id']}", f"{name}: {row['en']}", f"{name}: {row['nl']}")
            yield from _classes(f"{key}-{row['id']}", row.get("bands", ()))


def _classes(code: str, bands: Any) -> Iterator[Concept]:
    found: dict[str, Concept] = {}
    for listed in bands.values() if isinstance(bands, Mapping) else (bands,):
        for band in listed:
            made = Concept(f"{code}-{band['class']}", band["en"], band["nl"])
            found.setdefault(made.code, made)
    yield from found.values()


def _rows(scoring: Any) -> list[Mapping[str, Any]]:
    return list(scoring["dimensions"]) if scoring else []


def files() -> dict[str, bytes]:
    """Name and content of each file."""
    return {
        f"CodeSystem-{each['id']}.json": msgspec.json.format(encode(each), indent=2) + b"\n"
        for each in (scores(), parts(), absent())
    }


def write(folder: Path = FOLDER) -> None:
    """Write them."""
    for name, content in files().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    write()
