"""Cases and the evidence that answers their requirements."""
