"""Acting for somebody else 代办: by office, as a parent, as an heir, as a delegate; judged again at every request."""
