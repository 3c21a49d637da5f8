"""Asking the person all the same 仍要求提供: with a reason, and the rule that it breaks, for supervisors to see."""
