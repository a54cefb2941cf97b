"""Code systems, coded terms and the small data types that all demo resources share. https://hl7.org/fhir/R4/datatypes.html

SNOMED CT and LOINC as in nl-core (zib2020), ICPC-1-NL as in Dutch general practice, ATC as Nictiz writes its system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Final, cast

from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.extension import Extension
from fhir.resources.R4B.fhirprimitiveextension import FHIRPrimitiveExtension
from fhir.resources.R4B.humanname import HumanName
from fhir.resources.R4B.identifier import Identifier
from fhir.resources.R4B.meta import Meta
from fhir.resources.R4B.quantity import Quantity
from fhir.resources.R4B.reference import Reference

from app.cli.demo.kinds import Kind
from app.cli.demo.persona import Name
from app.config import CANONICAL_BASE
from app.fhir.dates import LOCAL

SNOMED: Final = "http://snomed.info/sct"
ICPC: Final = "http://hl7.org/fhir/sid/icpc-1-nl"
ATC: Final = "http://www.whocc.no/atc"
UCUM: Final = "http://unitsofmeasure.org"
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
HL7_EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/"
OURS: Final = f"{CANONICAL_BASE}/"
OUR_PROFILE: Final = f"{OURS}StructureDefinition/"
BSN: Final = "http://fhir.nl/fhir/NamingSystem/bsn"


@dataclass(frozen=True, slots=True)
class Disease:
    """A condition in words, in SNOMED CT and in ICPC-1-NL."""

    text: str
    snomed: str
    snomed_display: str
    icpc: str
    icpc_display: str


PROBLEMS: Final[Mapping[str, Disease]] = MappingProxyType(
    {
        "dm2": Disease("Diabetes type 2", "44054006", "diabetes mellitus type 2", "T90.02", "Diabetes mellitus type 2"),
        "hypertension": Disease(
            "Hoge bloeddruk", "38341003", "hypertensie", "K86", "Hypertensie zonder orgaanbeschadiging"
        ),
        "heart-failure": Disease("Hartfalen", "84114007", "hartfalen", "K77", "Decompensatio cordis"),
        "copd": Disease("COPD", "13645005", "chronische obstructieve longaandoening", "R95", "Emfyseem/COPD"),
        "asthma": Disease("Astma", "195967001", "astma", "R96", "Astma"),
        "knee": Disease("Artrose van de knie", "239873007", "artrose van knie", "L90", "Gonartrose"),
        "depression": Disease("Depressieve klachten", "35489007", "depressieve stoornis", "P76", "Depressie"),
    }
)

MEDICINES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "metformin": ("A10BA02", "metformine"),
        "ramipril": ("C09AA05", "ramipril"),
        "amlodipine": ("C08CA01", "amlodipine"),
        "furosemide": ("C03CA01", "furosemide"),
        "metoprolol": ("C07AB02", "metoprolol"),
        "tiotropium": ("R03BB04", "tiotropium"),
        "salbutamol": ("R03AC02", "salbutamol"),
        "budesonide": ("R03BA02", "budesonide"),
        "paracetamol": ("N02BE01", "paracetamol"),
        "citalopram": ("N06AB04", "citalopram"),
    }
)
"""ATC code and Dutch name of the substance."""

GOAL_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "life": "Levensdoel",
        "health": "Gezondheidsdoel",
        "lifestyle": "Leefstijldoel",
        "behaviour": "Gedragsdoel",
        "care": "Zorgdoel",
        "personal": "Persoonlijk doel",
    }
)


def concept(system: str, code: str, display: str, text: str | None = None) -> CodeableConcept:
    """A concept of one coding."""
    return CodeableConcept(coding=[Coding(system=system, code=code, display=display)], text=text)


def words(text: str) -> CodeableConcept:
    """A concept in words only."""
    return CodeableConcept(text=text)


def reference(target_type: str, target_id: str, display: str) -> Reference:
    """A relative literal reference with its type and a name to show, as MedMij asks."""
    return Reference(reference=f"{target_type}/{target_id}", type=target_type, display=display)


def quantity(value: Decimal, kind: Kind, comparator: str = "") -> Quantity:
    """The value in the kind's UCUM unit, with the digits that ``value`` has."""
    return Quantity(value=value, comparator=comparator or None, unit=kind.unit_text, system=UCUM, code=kind.unit)


def profiled(*profiles: str) -> Meta:
    """A meta that claims these profiles."""
    return Meta(profile=list(profiles))


def demo_identifier(kind: str, value: str) -> Identifier:
    """An identifier in a system of our own, so that it can never be taken for an AGB, UZI, BIG or URA number."""
    return Identifier(system=f"{OURS}NamingSystem/demo-{kind}", value=value)


def masked_bsn() -> Identifier:
    """The citizen service number as sent by who has no ground to use it: the system, with a masked value."""
    absent = Extension(url=HL7_EXTENSION + "data-absent-reason", valueCode="masked")
    return Identifier(system=BSN, value__ext=FHIRPrimitiveExtension(extension=[absent]))


def dutch_time(day: date, hour: int, minute: int = 0) -> datetime:
    """This moment of the day in the Netherlands, which is written with the offset that holds on that day."""
    return datetime.combine(day, time(hour, minute), LOCAL)


def to_the_year(year: int) -> datetime:
    """A dateTime of which only the year is known. fhir.resources takes such text, only its types do not say so."""
    return cast("datetime", f"{year:04d}")


def to_the_day(day: date) -> datetime:
    """A dateTime without a time of day, for the same reason as text."""
    return cast("datetime", day.isoformat())


def _text_extension(url: str, text: str) -> Extension:
    return Extension(url=HL7_EXTENSION + url, valueString=text)


def human_name(name: Name) -> HumanName:
    """The name as nl-core-NameInformation has it: parts of the family name and the kind of given name in extensions."""
    parts = [
        _text_extension(f"humanname-{url}", text)
        for url, text in (
            ("own-prefix", name.own_prefix),
            ("own-name", name.own_name),
            ("partner-prefix", name.partner_prefix),
            ("partner-name", name.partner_name),
        )
        if text
    ]
    initial = name.given.endswith(".")
    qualifier = Extension(url=HL7_EXTENSION + "iso21090-EN-qualifier", valueCode="IN" if initial else "BR")
    order = Extension(url=HL7_EXTENSION + "humanname-assembly-order", valueCode="NL4" if name.partner_name else "NL1")
    return HumanName(
        extension=[order],
        use="official",
        text=name.full,
        family=name.family,
        family__ext=FHIRPrimitiveExtension(extension=parts),
        given=[name.given],
        given__ext=[FHIRPrimitiveExtension(extension=[qualifier])],
    )
