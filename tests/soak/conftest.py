"""Prepared databases for the long figures."""

from __future__ import annotations

import pytest

from tests.service import prepared_file, prepared_url, service_url

__all__ = ["prepared_file", "prepared_url", "service_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def setting(request: pytest.FixtureRequest) -> str:
    return str(request.param)
