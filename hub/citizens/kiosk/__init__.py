"""Self-service terminals 自助终端: registered devices at which people without a phone read, print and rate."""
