"""Descriptions of certificate types: read, checked, compared with the next version. Those shipped lie in `types/`."""
