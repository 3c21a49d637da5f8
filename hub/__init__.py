"""The running service: it conducts. Only this package has heard of HTTP servers, settings, stores and the clock.

Stability: internal. What stays stable is the HTTP API (`/openapi.json`) and the command line's `--json` output.
"""
