"""Putting the hub together, one file an area, each over the ground that everything stands on.

`ground` → `library` (issuing, transitions, status) and `publishing` (sources, interfaces) → `collection` (files, feeds,
batches) and `pull` (cases, evidence) → `intake` (what stands around it) → `exchange` (queries, subscriptions), `bulk`,
`faces`, `verification`, `archive`; `people`, `keyring` and `registry` stand on the ground itself. `hub` puts the areas
into one `Hub`. Nothing here does anything: it connects.

Stability: internal.
"""
