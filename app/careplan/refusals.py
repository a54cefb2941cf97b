"""Refusals of the care plan, with the texts of ``refusals.yaml``. https://hl7.org/fhir/R4/operationoutcome.html"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from app.server.refusals import Refusals

PREFIX: Final = "plan-"
"""Begins the codes of these rules."""
_ours: Final = Refusals(Path(__file__).with_name("refusals.yaml"), PREFIX)
text_of: Final = _ours.text_of
issue: Final = _ours.issue
notice: Final = _ours.notice
refusal: Final = _ours.refusal
refused: Final = _ours.refused
