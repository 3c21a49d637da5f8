"""Verification: one procedure (docs/verification.md) over the hub's own truth, or over a pack of trust and status."""
