"""Pages of supervision: what could not be done, mandates, what was asked of people, what to share next."""
