"""Replay 复核: every decision of a case judged again under the rules and data of its day, for auditors. No value."""
