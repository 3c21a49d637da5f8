"""Demands: what a consumer looked for and did not find."""
