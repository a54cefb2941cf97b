"""STU3 at the border: every resource of STU3 has an R4 form, and comes back from it as it was.
https://hl7.org/fhir/STU3/ https://hl7.org/fhir/R4/versions.html
"""

from app.fhir.stu3.extensions import Untranslatable
from app.fhir.stu3.systems import system_to_r4, system_to_stu3
from app.fhir.stu3.translator import R4_TYPES, STU3_TYPES, Translator

__all__ = ["R4_TYPES", "STU3_TYPES", "Translator", "Untranslatable", "system_to_r4", "system_to_stu3"]
