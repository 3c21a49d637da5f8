"""`python -m hub.cli`, for callers that have no `yizheng` on their path."""

from hub.cli.main import run

run()
