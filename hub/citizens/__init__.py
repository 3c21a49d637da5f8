"""Holders: signing in, showing that they are here, their licences, and who looked at them."""
