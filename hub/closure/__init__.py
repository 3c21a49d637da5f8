"""Planned closures 计划停机: announced beforehand on every page, and a page of their own while they last."""
