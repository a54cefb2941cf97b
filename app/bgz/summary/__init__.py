"""The summary of a record, and the BgZ on paper: gathered once, told in words, given as a FHIR document or as pages.

https://hl7.org/fhir/uv/ips
"""
