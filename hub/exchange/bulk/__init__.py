"""Many questions under one campaign case, released by the owner as one file."""
