"""Sources that nothing can reach: their agents fetch questions and bring answers."""
