"""Verification: the numbered procedure of docs/verification.md, and what it is given."""
