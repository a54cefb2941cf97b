"""The language: FHIR resources as JSON bytes and plain dicts. No I/O but reading the tables that lie beside the code."""
