"""Feeds 归集任务: a register collected from its source, without files."""
