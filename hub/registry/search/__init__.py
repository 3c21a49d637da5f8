"""Searching the catalogue, in memory."""
