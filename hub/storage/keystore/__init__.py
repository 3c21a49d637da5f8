"""The keys port, and where keys lie: a file, a token, a department's own signer."""
