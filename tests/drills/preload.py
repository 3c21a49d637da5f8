"""What every forked process has read already."""

import uvicorn

import hub.app
import hub.cli.main
import hub.collection.service

__all__ = ["hub", "uvicorn"]
