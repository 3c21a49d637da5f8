"""Pages of self-service terminals."""
