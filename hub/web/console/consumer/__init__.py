"""Pages of the department that uses data. Guide: docs/console-consumer.md."""
