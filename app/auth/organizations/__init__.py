"""Organisations, their identity providers and professionals, and their own patient numbers."""
