"""Numbers of the Dutch registers, by their form: https://informatiestandaarden.nictiz.nl/wiki/FHIR:V1.0_FHIR_Profiling_Guidelines_R4

A form that a public source lays down is an error when broken; one that is only seen in use is a warning. What an
example of Nictiz does otherwise is never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import mul
from typing import Final

from app.errors import Severity
from app.fhir.validation.problems import Problem


@dataclass(frozen=True, slots=True)
class Register:
    """The numbers of a register. ``source`` says where the form is from, ``rule`` is our own key of it."""

    allows: Callable[[str], object]
    text: str
    severity: Severity
    rule: str
    source: str

    def check(self, number: str) -> Problem | None:
        """What is wrong with a number; its text does not repeat it."""
        if self.allows(number):
            return None
        return Problem("value", self.text, rule=self.rule, severity=self.severity)


def is_bsn(value: str) -> bool:
    """Nine digits that pass the eleven-test: weighted 9 to 2 and -1, their sum is a multiple of 11."""
    if not _NINE(value) or value == "000000000":
        return False
    total: int = sum(map(mul, map(int, value), (9, 8, 7, 6, 5, 4, 3, 2, -1)))
    return total % 11 == 0


_NINE: Final = re.compile("[0-9]{9}").fullmatch
_EIGHT: Final = re.compile("[0-9]{8}").fullmatch
_ELEVEN: Final = re.compile("[0-9]{11}").fullmatch
_FOUR: Final = re.compile("[0-9]{4}").fullmatch

_SPACE: Final = "http://fhir.nl/fhir/NamingSystem/"
_BSN: Final = Register(
    is_bsn,
    "This is not a BSN: it has nine digits (begin a shorter one with 0) that pass the eleven-test. Look for a typing "
    "error.",
    "error",
    "nl-bsn",
    "Besluit burgerservicenummer; the Logisch Ontwerp BSN has the test; Nictiz's examples agree",
)
_AGB: Final = Register(
    _EIGHT,
    "An AGB code has eight digits: two for the kind of care, six for the provider. Look whether a 0 in front is lost.",
    "warning",
    "nl-agb",
    "Vektis describes the code so; the NamingSystem gives no form; Nictiz's examples agree",
)
_UZI: Final = Register(
    _NINE,
    "A UZI number has nine digits. Look whether zeros in front are lost.",
    "warning",
    "nl-uzi",
    "HL7v3 data type II.NL.UZI; the NamingSystem gives no form; Nictiz's examples agree",
)
_URA: Final = Register(
    _EIGHT,
    "A URA has eight digits. Look whether zeros in front are lost.",
    "warning",
    "nl-ura",
    "CIBG writes it so; the NamingSystem gives no form; Nictiz's examples agree",
)
_BIG: Final = Register(
    _ELEVEN,
    "A BIG number has eleven digits: nine, and two for the profession.",
    "warning",
    "nl-big",
    "The BIG register shows eleven; Nictiz's examples have numbers of eight digits, too",
)
_UZOVI: Final = Register(
    _FOUR,
    "A UZOVI number has four digits. Look whether a 0 in front is lost.",
    "warning",
    "nl-uzovi",
    "Vektis describes the number so; the NamingSystem gives no form; Nictiz's examples agree",
)

REGISTERS: Final[Mapping[str, Register]] = {
    f"{_SPACE}bsn": _BSN,
    "urn:oid:2.16.840.1.113883.2.4.6.3": _BSN,
    f"{_SPACE}agb-z": _AGB,
    "urn:oid:2.16.840.1.113883.2.4.6.1": _AGB,
    f"{_SPACE}uzi-nr-pers": _UZI,
    "urn:oid:2.16.528.1.1007.3.1": _UZI,
    f"{_SPACE}uzi-nr-sys": _UZI,
    "urn:oid:2.16.528.1.1007.3.2": _UZI,
    f"{_SPACE}ura": _URA,
    "urn:oid:2.16.528.1.1007.3.3": _URA,
    f"{_SPACE}big": _BIG,
    "urn:oid:2.16.528.1.1007.5.1": _BIG,
    f"{_SPACE}uzovi": _UZOVI,
    "urn:oid:2.16.840.1.113883.2.4.6.4": _UZOVI,
}
"""By system."""
