"""Departments, and succession when they merge or split."""
