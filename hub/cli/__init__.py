"""The command line: verbs over the same services as the API; `--json` everywhere; exit codes in one enum."""
