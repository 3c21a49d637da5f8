"""Rendering: what people see of a licence. A `Face` is the content; PDF and OFD are made from the same one."""
