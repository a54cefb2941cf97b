"""Accounts, how people log in, sessions, and who may act for whom."""
