"""Keys of the hub and its departments: made, certified, rotated, compromised; and the desk that signs with them."""
