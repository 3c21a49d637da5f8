"""Ratings 好差评: what a person thinks of a case of his, what he had to bring, and what follows from a bad one."""
