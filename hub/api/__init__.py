"""One file per resource. A route parses, calls one service, and shapes the answer."""
