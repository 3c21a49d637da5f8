"""Objections 异议: what a person says is wrong with his data, or asks about a look at them, until it is answered."""
