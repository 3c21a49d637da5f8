"""The department's own signer: a small program beside a department's key. It trusts no hub further than it can read."""
