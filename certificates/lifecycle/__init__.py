"""The life cycle of a version: its states, who may do what, and what was known when."""
