"""One file per kind of source behind one port. Empty until the first source is not a file.

Stability: internal.
"""
