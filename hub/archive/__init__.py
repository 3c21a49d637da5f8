"""Archives 归档: the package of a closed case, made once, kept under the case's key, stamped again before stamps age.

What is in a package and how it is checked without a hub: `certificates.archive.check` and docs/archive.md.

Stability: internal.
"""
