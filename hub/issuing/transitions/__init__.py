"""Acts on certificates: asked for, confirmed, performed, written, read back."""
