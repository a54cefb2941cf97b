"""UCUM, the codes of units: read, compared and converted. https://ucum.org/ucum

The case sensitive codes, all of version 2.2. FHIR has them in a Quantity whose system is ``SYSTEM``
(https://hl7.org/fhir/R4/datatypes.html#Quantity).
"""

from __future__ import annotations

from typing import Final

from app.fhir.ucum.conversion import canonical
from app.fhir.ucum.reading import parse
from app.fhir.ucum.suggestions import suggestion
from app.fhir.ucum.units import Unit

__all__ = ["SYSTEM", "Unit", "canonical", "parse", "suggestion"]

SYSTEM: Final = "http://unitsofmeasure.org"
