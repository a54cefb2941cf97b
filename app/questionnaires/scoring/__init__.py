"""Scoring as data: a program says how the answers to one questionnaire become scores. docs/scoring.md has the format.
https://hl7.org/fhir/uv/sdc/
"""
