"""Figures beside the limits that physics, or somebody else's code, sets: `python -m benchmarks`."""
