"""Wallets: licences issued into them (OpenID4VCI 1.0), and asked for out of them (OpenID4VP 1.0)."""
