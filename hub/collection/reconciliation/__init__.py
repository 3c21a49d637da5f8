"""Reconciliation 对账: a register read whole beside the library."""
