"""Every rule and code of the clinical tables, as small resources of both versions side by side.
https://hl7.org/fhir/R4/versions.html
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.stu3 import tables_clinical, tables_immunization, tables_medication, tables_requests
from tests.stu3.expected import Members, goes_in, goes_out

Cases = dict[str, tuple[str, Members, Members]]
_FILES: Final = (tables_clinical, tables_immunization, tables_medication, tables_requests)
BOTH: Final[Cases] = {name: case for file in _FILES for name, case in file.BOTH.items()}
IN: Final[Cases] = {name: case for file in _FILES for name, case in file.IN.items()}
OUT: Final[Cases] = {name: case for file in _FILES for name, case in file.OUT.items()}


def test_no_case_hides_another() -> None:
    for together, name in ((BOTH, "BOTH"), (IN, "IN"), (OUT, "OUT")):
        assert len(together) == sum(len(getattr(file, name)) for file in _FILES)


@pytest.mark.parametrize("case", BOTH)
def test_a_rule_holds_in_both_directions(case: str) -> None:
    kind, stu3, r4 = BOTH[case]
    goes_in(kind, stu3, r4)
    goes_out(kind, r4, stu3)


@pytest.mark.parametrize("case", IN)
def test_what_r4_cannot_say_is_carried_and_what_it_demands_is_added(case: str) -> None:
    goes_in(*IN[case])


@pytest.mark.parametrize("case", OUT)
def test_what_stu3_cannot_say_is_carried_and_what_it_demands_is_added(case: str) -> None:
    goes_out(*OUT[case])
