"""Renditions: the files of a version, set, signed and kept when first asked for."""
