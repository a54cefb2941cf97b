"""What comes back as it was given out stands as it is stored. https://hl7.org/fhir/R4/http.html#update

Who changes a resource at a base with a border sends all of it, as it was given: in the words of another version of
FHIR, seen through a view, with the displays and claims that are added there. What differs from that is what its sender
changed.
"""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import Resource

_SOURCE_PROFILE: Final = "/StructureDefinition/source-profile"
"""How the address ends of the extension that has what a resource of another version claims to be."""
_OUR_OWN: Final = frozenset({"profile", "extension"})
"""Members of ``meta`` that say what a resource is here, and which a sender of another version need not know."""


def restored(sent: Resource, given: Resource, stored: Resource) -> Resource:
    """``sent`` with the members of ``stored`` wherever it has those of ``given``, which is ``stored`` as it was given
    out; all three in R4.
    """
    made = {}
    for name, value in sent.items():
        if name in ("resourceType", "id") or value != given.get(name):
            made[name] = value
        elif name in stored:
            made[name] = stored[name]
    untold = {name: value for name, value in stored.items() if name not in sent and name not in given}
    meta = _meta(sent.get("meta", {}), given.get("meta", {}), stored.get("meta", {}))
    whole = {name: value for name, value in {**made, **untold}.items() if name != "meta"}
    return {**whole, "meta": meta} if meta else whole


def _meta(sent: Resource, given: Resource, stored: Resource) -> Resource:
    """What is claimed, and what else extensions say, each as it is stored unless something else was sent of it."""
    made = {name: value for name, value in sent.items() if name not in _OUR_OWN}
    profiles = _changed(sent.get("profile", []), given.get("profile", []), stored.get("profile", []))
    extensions: list[Any] = []
    for part in (_others, _claims):
        extensions += _changed(part(sent), part(given), part(stored))
    if profiles:
        made["profile"] = profiles
    if extensions:
        made["extension"] = extensions
    return made


def _changed(sent: list[Any], given: list[Any], stored: list[Any]) -> list[Any]:
    return sent if sent and sent != given else stored


def _claims(meta: Resource) -> list[Any]:
    return [each for each in meta.get("extension", ()) if str(each.get("url")).endswith(_SOURCE_PROFILE)]


def _others(meta: Resource) -> list[Any]:
    return [each for each in meta.get("extension", ()) if not str(each.get("url")).endswith(_SOURCE_PROFILE)]
