"""Making a package of profiles: snapshots, pages for people, and the tarball that others install.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""
