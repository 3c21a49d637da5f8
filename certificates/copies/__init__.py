"""Copies of a version that have an entry of the status list of their own: those in wallets."""
