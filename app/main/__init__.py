"""``create_app(settings)``: wires everything, and is the only place that does."""

from __future__ import annotations

from app.main.application import Application, create_app, from_environment
from app.main.opening import ROOT, Parts

__all__ = ["ROOT", "Application", "Parts", "create_app", "from_environment"]
