"""One form 一表: the fields of several matters merged through shared terms, and filled from what the hub verified."""
