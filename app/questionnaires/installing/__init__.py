"""Questionnaires whose wording or key is somebody else's, as an administrator with a licence installs them. The format
is in docs/questionnaires.md. https://hl7.org/fhir/R4/questionnaire.html
"""
