"""Pages of whoever decides cases. Guide: docs/counter.md."""
