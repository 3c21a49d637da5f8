"""Witnesses of the log: who they are, what they co-signed, and whether enough of them did lately."""
