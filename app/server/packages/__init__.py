"""Packages of conformance resources that this installation holds: the built-in one and those that were installed.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

from app.server.packages.installed import InstalledPackages

__all__ = ["InstalledPackages"]
