"""A case on its way: amended, accepted, decided, told what is missing, or sent to the desk for dead ends."""
