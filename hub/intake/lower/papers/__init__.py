"""Which files may be sealed: scans that are what they seem, and do nothing when they are opened."""
