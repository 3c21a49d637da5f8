"""Putting the hub together, one file an area, each over the ground that everything stands on.

`ground` → `library` (issuing, status) and `intake` (cases, evidence) → `publishing` (sources, interfaces) → `exchange`
(queries) and `people` (staff). `hub.runtime` puts the areas into one `Hub`. Nothing here does anything: it connects.

Stability: internal.
"""
