"""Status lists: changed, published, and as they were on a day."""
