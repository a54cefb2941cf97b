"""Giving the record: the BgZ in one call, a summary of it, and the same from several sources side by side.

https://informatiestandaarden.nictiz.nl/wiki/MedMij:V2020.01/FHIR_BGZ_2017
"""
