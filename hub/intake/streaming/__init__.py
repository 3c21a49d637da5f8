"""Answers that leave requirement by requirement, each as soon as its own ledger row is committed."""
