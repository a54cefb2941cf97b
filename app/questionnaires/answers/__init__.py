"""Answers held against their Questionnaire: what is enabled, what is wrong, and what may become of a response.
https://hl7.org/fhir/R4/questionnaireresponse.html
"""
