"""Pages of matters: the list, a matter's versions, its editor, and what waits for a second person."""
