"""Filling in questionnaires: what is asked, what one can fill in oneself, drafts, and answers that were sent.
https://hl7.org/fhir/R4/questionnaireresponse.html
"""
