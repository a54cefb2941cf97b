"""The OAuth2 authorization server: SMART App Launch 2.2."""
