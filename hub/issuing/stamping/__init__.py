"""Time-stamps from an authority, and what waits for one."""
