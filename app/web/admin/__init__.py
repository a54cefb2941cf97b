"""The pages of administrators: organisations, identity providers, mandates. No clinical data."""
