"""Pages of the certificate library. Guide: docs/console-library.md."""
