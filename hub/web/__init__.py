"""Pages for people: server-rendered, without a CDN, useful without JavaScript."""
