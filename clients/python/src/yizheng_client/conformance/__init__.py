"""Whether a hub, or a receiver of its webhooks, does what the documentation says. Run it as a program: see `--help`."""
