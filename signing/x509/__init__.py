"""Certificates of keys: asked for, made, followed to an anchor."""
