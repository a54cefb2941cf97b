"""In which words a concept is shown.
https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.concept.designation
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from app.fhir.resource import Resource


def display_of(
    display: str | None, designations: Iterable[Resource], languages: Sequence[str], spoken: str | None = None
) -> str | None:
    """The words in the first of ``languages`` that there are words in, else the concept's own, which are in ``spoken``.

    ``nl`` finds ``nl-NL``; for who asks ``nl-BE``, any Dutch comes before another language.
    https://www.rfc-editor.org/rfc/rfc4647#section-3.4
    """
    said = [(str(each.get("language", "")), str(each["value"])) for each in designations if "value" in each]
    if display is not None:
        # Nictiz's code systems say that they are in Dutch; those of their concepts that are in English say so here.
        its_own = next((each for each, words in said if words == display and each), spoken or "")
        said.insert(0, (its_own, display))
    for language in languages:
        for wanted in _widened(language.lower()):
            for each, words in said:
                if speaks(each, wanted):
                    return words
    return display


def speaks(language: str, wanted: str) -> bool:
    """Whether a language is the one that is wanted, or a kind of it."""
    folded = language.lower()
    return folded == wanted or folded.startswith(f"{wanted}-")


def _widened(language: str) -> Iterator[str]:
    while language:
        yield language
        language, _, _ = language.rpartition("-")
