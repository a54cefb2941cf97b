"""What was born here, as zib2017 has it: the semantic maps (``maps.yaml``), their interpreter, and the views that leave
under the bases of STU3.

https://informatiestandaarden.nictiz.nl/wiki/MedMij:V2020.01/FHIR_BGZ_2017; MODEL 2 "Profiles", 4 "Two layers".
"""

from __future__ import annotations

from app.bgz.zib2017.views import Zib2017Views, viewing

__all__ = ["Zib2017Views", "viewing"]
