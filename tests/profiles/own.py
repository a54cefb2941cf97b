"""Small profiles made in a test, in R4's form and in STU3's."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.errors import Issue
from app.fhir.definitions import load
from app.fhir.packages import Artifact, Library
from app.fhir.profiles import Profiles
from app.fhir.resource import Resource
from app.fhir.validation import validate
from tests.profiles.official import profiles_of

URL: Final = "https://profiles.test/"
CORE: Final = "http://hl7.org/fhir/StructureDefinition/"


def element(id: str, **members: Any) -> Resource:
    """``id`` with slices. A slice has its name as the last of it, after the colon."""
    parts = [part.partition(":") for part in id.split(".")]
    named = {"sliceName": parts[-1][2]} if parts[-1][2] else {}
    return {"id": id, "path": ".".join(name for name, _, _ in parts), **named, **members}


def sliced(path: str, *discriminators: tuple[str, str], rules: str = "open", ordered: bool = False) -> Resource:
    by = [{"type": kind, "path": each} for kind, each in discriminators]
    return element(path, slicing={"discriminator": by, "rules": rules, "ordered": ordered})


def profile(name: str, kind: str, *elements: Resource, base: str = "", **members: Any) -> Resource:
    """A profile in R4's form; ``base`` is the canonical of another one than the type's own."""
    return {
        "resourceType": "StructureDefinition",
        "url": URL + name,
        "name": name.title().replace("-", ""),
        "status": "active",
        "kind": "complex-type" if kind[0].isupper() and kind in _TYPES else "resource",
        "abstract": False,
        "type": kind,
        "baseDefinition": base or CORE + kind,
        "derivation": "constraint",
        "differential": {"element": [element(kind), *elements]},
        **members,
    }


_TYPES: Final = frozenset({"Identifier", "Extension", "HumanName", "Quantity", "Address"})


def extension(name: str, *elements: Resource, contexts: Iterable[str] = ("Element",)) -> Resource:
    return profile(
        name,
        "Extension",
        element("Extension.url", fixedUri=URL + name),
        *elements,
        context=[{"type": "element", "expression": each} for each in contexts],
    )


def value_set(name: str, concepts: Mapping[str, Iterable[str]]) -> Resource:
    include = [{"system": system, "concept": [{"code": each} for each in codes]} for system, codes in concepts.items()]
    return {"resourceType": "ValueSet", "url": URL + name, "status": "active", "compose": {"include": include}}


def of_stu3(resource: Resource) -> Resource:
    """The same in STU3's form."""
    made = copy.deepcopy(resource)
    if made["resourceType"] != "StructureDefinition":
        return made
    if "context" in made:
        made["contextType"] = "resource"
        made["context"] = [each["expression"] for each in made["context"]]
    for each in (made.get("differential") or made["snapshot"])["element"]:
        if "type" in each:
            each["type"] = [one for kind in each["type"] for one in _single(kind)]
        binding = each.get("binding", {})
        if "valueSet" in binding:
            binding["valueSetReference"] = {"reference": binding.pop("valueSet")}
    return made


def _single(kind: Resource) -> list[Resource]:
    """One entry for each profile or target."""
    found = []
    for name in ("profile", "targetProfile"):
        found += [{"code": kind["code"], name: each} for each in kind.get(name, ())]
    return found or [kind]


class Own:
    """These definitions alone, for one FHIR version."""

    def __init__(self, version: str, *definitions: Resource) -> None:
        self.version = version
        made = [each if version == "4.0.1" else of_stu3(each) for each in definitions]
        library = Library(Artifact.of(each, fhir_version=version, package="own#1") for each in made)
        self.profiles: Profiles = profiles_of(library, version)

    def issues(
        self, resource: Resource, name: str, known: Mapping[str, Resource] | None = None
    ) -> list[tuple[str, str | None, str, str | None]]:
        """(Severity, rule, path, profile) of what is found; the resource must be valid FHIR."""
        assert [each for each in validate(resource, load(self.version)) if each.severity == "error"] == []
        found: list[Issue] = self.profiles.check(resource, URL + name, (known or {}).get)
        return [
            (each.severity, each.rule, "".join(each.expression), (each.profile or "").removeprefix(URL))
            for each in found
        ]
