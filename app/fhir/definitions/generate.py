"""Writes the tables of each FHIR version from HL7's package: ``python -m app.fhir.definitions.generate``.

One JSON file per version, one element, value set or search parameter a line, the same bytes for the same package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.fhir.definitions import FILES, numbers, package
from app.fhir.definitions.own import FOLDER as OWN
from app.fhir.definitions.own import read_search_parameters
from app.fhir.definitions.rows import VALUE_SETS, write_row
from app.fhir.definitions.searching import search_rows
from app.fhir.definitions.valuesets import NotEnumerable, expand

Json = dict[str, Any]
Resources = Mapping[str, Mapping[str, Json]]

# Open code systems, whose codes only a grammar can tell. CapabilityStatement.format also has the bare ``json``.
_MIME = r"[A-Za-z0-9!#$&^_.+-]+(/[A-Za-z0-9!#$&^_.+-]+)?(\s*;.+)?"
PATTERNS = {
    "http://hl7.org/fhir/ValueSet/mimetypes": _MIME,
    "http://www.rfc-editor.org/bcp/bcp13.txt": _MIME,
    "http://hl7.org/fhir/ValueSet/currencies": "[A-Z]{3}",
    "http://hl7.org/fhir/ValueSet/ucum-units": r"[!-~]+",
}
# STU3 binds DeviceRequest.intent to a page of the build server; the value set that the page shows is in the package.
ALIASES = {"http://build.fhir.org/valueset-request-intent.html": "http://hl7.org/fhir/ValueSet/request-intent"}

_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_NESTING = ("BackboneElement", "Element")


def table(read: package.Package) -> Json:
    """The whole table of a version, as ``definitions.load`` reads it."""
    structures = {
        each["type"]: each
        for each in read.resources["StructureDefinition"].values()
        if each.get("derivation") != "constraint" and each["kind"] in ("resource", "complex-type")
    }
    resources = sorted(name for name, each in structures.items() if each["kind"] == "resource" and not each["abstract"])
    types, bases, bound = _types(structures)
    codes, not_enumerable = _codes(bound, read.resources)
    return {
        "source": read.source,
        "sha256": read.sha256,
        "resources": resources,
        "bases": bases,
        "types": types,
        "codes": codes,
        "not_enumerable": not_enumerable,
        "search_parameters": search_rows(read.resources["SearchParameter"].values(), resources),
        "compartments": _compartments(read.resources["CompartmentDefinition"].values()),
    }


def _types(structures: Mapping[str, Json]) -> tuple[dict[str, dict[str, str]], dict[str, str], set[str]]:
    """Rows by type and member (only those its base does not have), base types, canonicals of required value sets."""
    bases: dict[str, str] = {}
    types: dict[str, dict[str, str]] = {}
    bound: set[str] = set()
    for name, structure in sorted(structures.items()):
        types[name] = {}
        if base := structure.get("baseDefinition"):
            bases[name] = base.rsplit("/", 1)[-1]
        for element in structure["snapshot"]["element"][1:]:
            path, member = element["path"].rsplit(".", 1)
            kinds = _kinds(element)
            binding = _binding(element)
            if binding:
                bound.add(binding)
            if kinds and kinds[0][0] in _NESTING and _has_children(element, structure):
                bases[element["path"]] = kinds[0][0]
                types[element["path"]] = {}
                kinds = [(element["path"], ())]
            types[path][member] = write_row(
                element["min"],
                element["max"],
                types=kinds,
                binding=binding,
                attribute="xmlAttr" in element.get("representation", ()),
                summary=element.get("isSummary", False),
                modifier=element.get("isModifier", False),
            )
    own = {
        name: {member: row for member, row in rows.items() if row != types.get(bases.get(name, ""), {}).get(member)}
        for name, rows in types.items()
    }
    return own, bases, bound


def _has_children(element: Json, structure: Json) -> bool:
    return any(each["path"].startswith(element["path"] + ".") for each in structure["snapshot"]["element"])


def _kinds(element: Json) -> list[tuple[str, tuple[str, ...]]]:
    """The types of an element, each with its reference targets; a content reference is the path that it names."""
    if reference := element.get("contentReference"):
        return [(reference.rpartition("#")[2], ())]
    targets: dict[str, list[str]] = {}
    for each in element["type"]:
        # FHIRPath's System.String stands for the primitive that an extension names, for Resource.id wrongly a string.
        primitive = [extension["valueUrl"] for extension in each.get("extension", ()) if extension["url"] == _TYPE]
        is_id = element.get("base", {}).get("path") == "Resource.id"
        code = "id" if is_id else primitive[0] if primitive else each["code"]
        profiles = each.get("targetProfile", [])
        named = [profile.rsplit("/", 1)[-1] for profile in ([profiles] if isinstance(profiles, str) else profiles)]
        targets.setdefault(code, []).extend(named)
    return [(code, () if "Resource" in names else tuple(names)) for code, names in targets.items()]


def _binding(element: Json) -> str | None:
    binding = element.get("binding", {})
    if binding.get("strength") != "required":
        return None
    reference = binding.get("valueSetReference", {}).get("reference")  # STU3, which also has valueSetUri
    canonical: str = (binding.get("valueSet") or binding.get("valueSetUri") or reference).partition("|")[0]
    return ALIASES.get(canonical, canonical)


def _codes(bound: Iterable[str], resources: Resources) -> tuple[Json, Json]:
    codes: Json = {}
    not_enumerable: Json = {}
    for canonical in sorted(bound):
        short = canonical.removeprefix(VALUE_SETS)
        try:
            codes[short] = {system: list(listed) for system, listed in expand(canonical, resources).items()}
        except NotEnumerable:
            not_enumerable[short] = PATTERNS.get(canonical, "")
    return codes, not_enumerable


def _compartments(definitions: Iterable[Json]) -> Json:
    return {
        each["code"]: {row["code"]: row["param"] for row in each["resource"] if row.get("param")}
        for each in sorted(definitions, key=lambda each: str(each["code"]))
    }


def render(content: Json) -> bytes:
    """The bytes of a table file: one type's base, element, list of codes or search parameter a line."""
    return f"{''.join(_lines(content, 1))}\n".encode()


def _lines(value: Any, level: int) -> Iterator[str]:
    """The pieces of a value: sections and their parts (three levels of objects) are spread out, deeper ones are not."""
    if not isinstance(value, dict) or not value or level > 3:
        yield msgspec.json.encode(value).decode()
        return
    start = "{"
    for key, each in value.items():
        yield f"{start}\n{' ' * level}{msgspec.json.encode(key).decode()}: "
        yield from _lines(each, level + 1)
        start = ","
    yield f"\n{' ' * (level - 1)}}}"


def main(target: Path = Path(__file__).parent) -> None:
    """Write every table and append to ``numbers.json``, last of all what is ours. Raises FileNotFoundError without the
    packages.
    """
    given = numbers.read(target / numbers.FILE.name)
    for version, name in FILES.items():
        content = table(package.read(package.tarball(version)))
        (target / name).write_bytes(render(content))
        codes = sorted({code for rows in content["search_parameters"].values() for code in rows})
        given = numbers.append(given, "types", content["resources"])
        given = numbers.append(given, "parameters", codes)
    own = sorted(str(each["code"]) for each in read_search_parameters(OWN))
    given = numbers.append(given, "parameters", own)
    numbers.write(given, target / numbers.FILE.name)


if __name__ == "__main__":
    main()
