"""The operations on Questionnaires and their answers, one file each. https://hl7.org/fhir/uv/sdc/operations.html"""
