"""What came in is found by the profile that it claims and by the flag that the service set.
https://hl7.org/fhir/R4/search.html#all
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from app.config import CANONICAL_BASE
from tests.intake.profiles import TAG, UNKNOWN, WEIGHING, weighing
from tests.server.service import Caller

FLAGS: Final = TAG["system"]
VALUE_SET: Final = f"{CANONICAL_BASE}/ValueSet/intake"
EXPECTED: Final = {
    f"_profile={WEIGHING}": {"follows", "deviates", "versioned"},
    f"_profile={WEIGHING}|1.0.0": {"versioned"},
    f"_profile={WEIGHING}|2.0.0": set(),
    f"_profile={UNKNOWN}": {"unknown"},
    "_profile:below=https://profiles.test/": {"follows", "deviates", "versioned", "unknown"},
    "_profile:missing=true": {"plain"},
    f"_tag={FLAGS}|profile-deviation": {"deviates"},
    f"_tag={FLAGS}|": {"deviates"},
    "_tag=profile-deviation": {"deviates"},
    f"_tag={FLAGS}|to-confirm": set(),
    "_tag=https://elders.example/intake|profile-deviation": set(),
    f"_tag:not={FLAGS}|profile-deviation": {"follows", "versioned", "unknown", "plain"},
    "_tag:missing=false": {"deviates"},
    "_tag:text=does not follow": {"deviates"},
    f"_tag:in={VALUE_SET}": {"deviates"},
    f"_tag:not-in={VALUE_SET}": {"follows", "versioned", "unknown", "plain"},
    f"_profile={WEIGHING}&_tag:not={FLAGS}|profile-deviation": {"follows", "versioned"},
}


async def test_by_profile_and_flag(backend: Caller, practice: Caller, anna: Caller, bram: Caller) -> None:
    for each in (
        weighing(id="follows"),
        weighing(id="deviates", note=None),
        weighing(id="versioned", profile=f"{WEIGHING}|1.0.0"),
        weighing(id="unknown", profile=UNKNOWN),
        weighing(id="plain", meta=None),
        weighing("Patient/bram", id="brams", note=None),
    ):
        await backend.keep(each)
    for query, wanted in EXPECTED.items():
        address = f"/Observation?{query.replace('|', quote('|')).replace(' ', '+')}"
        assert set(await anna.found(address)) == wanted, query
        assert set(await practice.found(address)) - {"brams"} == wanted, query
        assert await bram.found(address) == (["brams"] if "deviates" in wanted else []), query
