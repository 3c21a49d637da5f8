"""Resolving what takes more than the library: sources, and requirements that wait for others."""
