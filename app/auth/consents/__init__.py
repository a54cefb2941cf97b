"""Consents and the permits that follow from them."""
