"""The kinds of home measurement in the demo data: code, category, unit and digits.

Codes and units are those of MedMij's self-measurements and nl-core (zib2020); https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

LOINC: Final = "http://loinc.org"
NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a panel: LOINC code and display."""

    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A measurement. ``digits``: decimals that a device shows; ``step``: the smallest difference, in the last one."""

    codes: tuple[tuple[str, str], ...]
    text: str
    category: Literal["vital-signs", "laboratory", "activity"]
    unit: str
    unit_text: str
    digits: int = 0
    step: int = 1
    components: tuple[Component, ...] = ()
    profile: str | None = None


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "blood-pressure": Kind(
            (("85354-9", "Blood pressure panel with all children optional"),),
            "Bloeddruk",
            "vital-signs",
            "mm[Hg]",
            "mmHg",
            components=(
                Component("8480-6", "Systolic blood pressure"),
                Component("8462-4", "Diastolic blood pressure"),
            ),
            profile=NICTIZ + "nl-core-BloodPressure",
        ),
        "weight": Kind(
            (("29463-7", "Body weight"),),
            "Gewicht",
            "vital-signs",
            "kg",
            "kg",
            digits=2,
            step=5,
            profile=NICTIZ + "nl-core-BodyWeight",
        ),
        "heart-rate": Kind(
            (("8867-4", "Heart rate"),),
            "Hartslag",
            "vital-signs",
            "/min",
            "/min",
            profile=NICTIZ + "nl-core-HeartRate",
        ),
        "oxygen": Kind(
            (
                ("2708-6", "Oxygen saturation in Arterial blood"),
                ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
            ),
            "Zuurstof in het bloed",
            "vital-signs",
            "%",
            "%",
            profile=NICTIZ + "nl-core-O2Saturation",
        ),
        "glucose": Kind(
            (("14770-2", "Fasting glucose [Moles/volume] in Capillary blood by Glucometer"),),
            "Bloedsuiker, nuchter",
            "laboratory",
            "mmol/L",
            "mmol/l",
            digits=1,
        ),
        "steps": Kind(
            (("55423-8", "Number of steps in unspecified time Pedometer"),),
            "Stappen op een dag",
            "activity",
            "{steps}",
            "stappen",
        ),
        "peak-flow": Kind(
            (("19935-6", "Maximum expiratory gas flow Respiratory system airway"),),
            "Piekstroom",
            "vital-signs",
            "L/min",
            "l/min",
            step=10,
        ),
    }
)

TARGET_ONLY: Final[Mapping[str, Kind]] = MappingProxyType(
    {"systolic": Kind((("8480-6", "Systolic blood pressure"),), "Bovendruk", "vital-signs", "mm[Hg]", "mmHg")}
)
"""What a goal can aim at but a series does not measure on its own."""
