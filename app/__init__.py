"""Zelfregie: a patient self-management service (PGO) whose language is FHIR."""
