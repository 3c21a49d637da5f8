"""Requests for access: asked, checked, answered, disputed, on time."""
