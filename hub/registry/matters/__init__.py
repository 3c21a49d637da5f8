"""Matters in this hub: what is found before one is published, and what people are told of it."""
