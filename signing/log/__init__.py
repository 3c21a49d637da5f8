"""A transparency log: Merkle trees, signed checkpoints, tiles."""
