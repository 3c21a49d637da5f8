"""Pages of the counter 受理台. Guide: docs/counter.md."""
