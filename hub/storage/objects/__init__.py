"""The objects port: a folder, or an S3 server."""
