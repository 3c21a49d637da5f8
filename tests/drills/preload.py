"""What every forked process has read already, routes worked out."""

import gc

import uvicorn

import hub.cli.main
import hub.collection.service
from hub.routes import ROUTES

__all__ = ["hub", "uvicorn"]

for _route in ROUTES.routes:  # one that no path matches looks at all of them
    _route.matches({"type": "http", "method": "GET", "path": "/nowhere", "root_path": "", "headers": []})
gc.collect()
gc.freeze()  # a child that looked through it for garbage would copy every page of it
