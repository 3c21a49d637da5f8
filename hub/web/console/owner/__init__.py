"""Pages of the department that owns data. Guide: docs/console-owner.md."""
