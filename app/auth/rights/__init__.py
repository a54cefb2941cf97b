"""A person's rights over their own data: a copy of everything, erasure, and notes on what others recorded."""
