"""Questionnaires: their library with licences, answers held against them, scores, being asked, and what a score says.

Wording that is not our own is never in this repository: such an instrument is a shell until a tenant installs it
(MODEL 5). https://hl7.org/fhir/R4/questionnaire.html https://hl7.org/fhir/uv/sdc/
"""
