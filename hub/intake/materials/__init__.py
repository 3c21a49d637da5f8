"""Codes under which an approval system knows the materials of a matter."""
