"""Backups: what a hub is, as of one instant, in one folder."""
