"""Sample persons behind the live path; no source is asked."""
