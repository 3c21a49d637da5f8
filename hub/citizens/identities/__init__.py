"""Network IDs 网号网证: a pseudonym that the national service vouches for, bound to a holder once, and then enough."""
