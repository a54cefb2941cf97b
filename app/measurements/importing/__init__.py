"""Measurements out of files that people have: CSV, Apple Health and Open mHealth."""
