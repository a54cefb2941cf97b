"""The service of ``tests/server``, and its callers, for what the fuzz once found."""

from __future__ import annotations

from tests.server.conftest import anna, seeded_service, service, service_url

__all__ = ["anna", "seeded_service", "service", "service_url"]
