"""Life events 一件事: several matters as one, and what the result of one is to another."""
