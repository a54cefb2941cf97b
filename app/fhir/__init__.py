"""The language: FHIR resources as JSON bytes and plain dicts. Its only I/O is reading the tables beside it."""
