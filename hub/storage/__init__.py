"""The stores behind their ports: database, objects, cache, jobs, keys, and the vault that encrypts what they hold.

Each port has an embedded implementation here; `tests/contracts/` holds the suite that every implementation passes.
"""
