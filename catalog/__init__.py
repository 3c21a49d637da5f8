"""What the city has agreed on: departments, interfaces, matters, grants, and the codes they are named by.

Pure rules and frozen values; `tables.py` and `store.py` are the only files that know a database.
Stability: internal to the hub, except the identifier rules, whose reasons appear on the wire.
"""
