"""Batches: a department's system sends a register in parts."""
