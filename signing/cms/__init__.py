"""CMS (RFC 5652): the signatures that PDF files and time-stamps carry."""
