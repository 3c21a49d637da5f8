"""Rows that departments push, and questions answered from them."""
