"""Real servers for a pack's sources: databases that are given, a web server and a folder of files of our own."""
