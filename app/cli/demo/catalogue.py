"""The invented practices and professionals that the demo patients refer to. https://hl7.org/fhir/R4/practitionerrole.html"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fhir.resources.R4B.address import Address
from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.contactpoint import ContactPoint
from fhir.resources.R4B.organization import Organization
from fhir.resources.R4B.practitioner import Practitioner
from fhir.resources.R4B.practitionerrole import PractitionerRole
from fhir.resources.R4B.reference import Reference

from app.cli.demo.persona import Home, Name
from app.cli.demo.plain import plain
from app.cli.demo.terms import concept, demo_identifier, human_name, reference, words
from app.fhir.resource import Resource

VEKTIS_SPECIALTY: Final = "urn:oid:2.16.840.1.113883.2.4.6.7"


@dataclass(frozen=True, slots=True)
class Workplace:
    """An organization that does not exist: name, kind in words, address."""

    name: str
    kind: str
    home: Home


@dataclass(frozen=True, slots=True)
class Professional:
    """A professional who does not exist, what they are, and the id of the workplace."""

    name: Name
    profession: str
    workplace: str

    @property
    def display(self) -> str:
        """Name and profession, for ``Reference.display``."""
        return f"{self.name.full}, {self.profession}"


WORKPLACES: Final[Mapping[str, Workplace]] = MappingProxyType(
    {
        "practice-proeftuin": Workplace(
            "Huisartsenpraktijk De Proeftuin", "huisartsenpraktijk", Home("Verzonnenlaan", "1", "0101 AA", "Modelstad")
        ),
        "practice-voorbeeld": Workplace(
            "Gezondheidscentrum Het Voorbeeld",
            "gezondheidscentrum",
            Home("Maquetteplein", "20", "0202 BC", "Voorbeeldhoven"),
        ),
        "physiotherapy-oefenzaal": Workplace(
            "Fysiotherapie De Oefenzaal",
            "praktijk voor fysiotherapie",
            Home("Schetsstraat", "9", "0101 CD", "Modelstad"),
        ),
        "hospital-model": Workplace(
            "Modelziekenhuis", "ziekenhuis", Home("Bouwtekening", "100", "0101 MN", "Modelstad")
        ),
    }
)

PROFESSIONALS: Final[Mapping[str, Professional]] = MappingProxyType(
    {
        "gp-oefenkamp": Professional(Name("K.", "Oefenkamp"), "huisarts", "practice-proeftuin"),
        "nurse-sjabloon": Professional(Name("L.", "Sjabloon"), "praktijkondersteuner", "practice-proeftuin"),
        "gp-fictiema": Professional(Name("T.", "Fictiema"), "huisarts", "practice-voorbeeld"),
        "nurse-maquette": Professional(Name("N.", "Maquette"), "praktijkondersteuner", "practice-voorbeeld"),
        "dietitian-veronderstel": Professional(Name("R.", "Veronderstel"), "diëtist", "practice-voorbeeld"),
        "physio-denkbeeld": Professional(Name("W.", "Denkbeeld"), "fysiotherapeut", "physiotherapy-oefenzaal"),
        "lung-nurse-verzinsel": Professional(Name("P.", "Verzinsel"), "longverpleegkundige", "hospital-model"),
        "heart-nurse-bedacht": Professional(Name("B.", "Bedacht"), "hartfalenverpleegkundige", "hospital-model"),
    }
)


def role_reference(role: str) -> Reference:
    """A reference to a professional in their role."""
    return reference("PractitionerRole", role, PROFESSIONALS[role].display)


def workplace_reference(workplace: str) -> Reference:
    """A reference to an organization."""
    return reference("Organization", workplace, WORKPLACES[workplace].name)


def catalogue() -> Iterator[Resource]:
    """Organizations, professionals and their roles; each refers only to earlier ones."""
    for workplace_id, workplace in WORKPLACES.items():
        yield plain(_organization(workplace_id, workplace))
    for role, professional in PROFESSIONALS.items():
        yield plain(
            Practitioner(
                id=role,
                language="nl",
                active=True,
                identifier=[demo_identifier("practitioner", role)],
                name=[human_name(professional.name)],
            )
        )
    for role, professional in PROFESSIONALS.items():
        yield plain(_practitioner_role(role, professional))


def _organization(workplace_id: str, workplace: Workplace) -> Organization:
    home = workplace.home
    return Organization(
        id=workplace_id,
        language="nl",
        active=True,
        identifier=[demo_identifier("organization", workplace_id)],
        type=[words(workplace.kind)],
        name=workplace.name,
        telecom=[ContactPoint(system="email", value=f"info@{workplace_id}.example", use="work")],
        address=[
            Address(
                use="work",
                type="both",
                line=[f"{home.street} {home.number}"],
                city=home.city,
                postalCode=home.postal_code,
                country="Nederland",
            )
        ],
    )


def _practitioner_role(role: str, professional: Professional) -> PractitionerRole:
    return PractitionerRole(
        id=role,
        language="nl",
        active=True,
        identifier=[demo_identifier("practitioner-role", role)],
        practitioner=reference("Practitioner", role, professional.name.full),
        organization=workplace_reference(professional.workplace),
        code=[words(professional.profession)],
        specialty=_specialty(professional),
    )


def _specialty(professional: Professional) -> list[CodeableConcept] | None:
    if professional.profession != "huisarts":
        return None
    return [concept(VEKTIS_SPECIALTY, "0100", "Huisartsen, niet nader gespecificeerd")]
