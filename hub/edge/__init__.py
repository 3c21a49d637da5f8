"""The edge: what stands between the network and the routes. Strict in what it reads, silent about what it refused."""
