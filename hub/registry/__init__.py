"""Use cases over the catalogue: departments, systems, certificate types, matters, grants."""
