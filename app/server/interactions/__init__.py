"""The interactions of FHIR's RESTful API, one file each. https://hl7.org/fhir/R4/http.html"""
