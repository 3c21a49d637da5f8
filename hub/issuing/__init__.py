"""Issuing: from a checked record to a signed, filed licence, in an order that a crash cannot spoil."""
