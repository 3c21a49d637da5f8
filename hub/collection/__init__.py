"""Turning a department's register into licences: reading, mapping, reporting. Pure except for the files it is given.

Stability: internal. The names in `rejects.jsonl`, `rejects.csv` and `summary.json` are a contract with departments:
additive changes only.
"""
