"""Giving the record, and seeing it whole."""
