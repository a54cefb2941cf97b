"""Parts of a Parameters resource, each written as JSON at once. https://hl7.org/fhir/R4/parameters.html

An answer about sixty changes has thousands of parts; as objects they would be made only to be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any, Final

import msgspec

from app.careplan.words import LANGUAGES, TRANSLATION, Language, Words
from app.fhir.resource import Resource, encode

STRING: Final = "valueString"
_SAID_IN: Final[Mapping[str, str]] = {
    each: f'{{"url":"{TRANSLATION}","extension":[{{"url":"lang","valueCode":"{each}"}},{{"url":"content","{STRING}":'
    for each in LANGUAGES
}
_SAID: Final = "}]}"
"""Before and behind a text in one of the languages."""


text_json: Final = encode_basestring
"""A text."""


def json_of(value: Any) -> str:
    """Any value."""
    return text_json(value) if isinstance(value, str) else encode(value).decode()


def value_part(name: str, member: str, json: str) -> str:
    """One with a value, in the member of its type."""
    return f'{{"name":"{name}","{member}":{json}}}'


def resource_part(name: str, resource: Resource) -> str:
    """One with a resource."""
    return f'{{"name":"{name}","resource":{json_of(resource)}}}'


def part_of(name: str, parts: Iterable[str]) -> str:
    """One with parts."""
    return f'{{"name":"{name}","part":[{",".join(parts)}]}}'


def sentence_part(name: str, words: Words, language: Language) -> str:
    """One with a text in a language, and beside it the text in each."""
    texts = {each: text_json(text) for each, text in words.items()}
    beside = ",".join([f"{_SAID_IN[each]}{text}{_SAID}" for each, text in texts.items()])
    return f'{{"name":"{name}","{STRING}":{texts[language]},"_{STRING}":{{"extension":[{beside}]}}}}'


def listed(parts: Iterable[str]) -> msgspec.Raw:
    """All of them, as the member ``part`` or ``parameter`` of what is encoded around them."""
    return msgspec.Raw(f"[{','.join(parts)}]".encode())
