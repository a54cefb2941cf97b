"""A FHIR R4 server over the language and the database. It knows no users, care plans or MedMij: what it needs from
above is handed to it.
"""
