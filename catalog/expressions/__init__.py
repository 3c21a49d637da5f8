"""Conditions of matters 适用条件: a small language over the facts of a case, compiled when a matter is published."""
