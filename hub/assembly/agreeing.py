"""Asking holders for their word."""

from datetime import timedelta

from hub.assembly.ground import Ground
from hub.citizens.authorising.questions import Questions


def assemble_questions(ground: Ground) -> Questions:
    """How a question to a holder is written, for pulls and for queries."""
    within = timedelta(days=ground.settings.holder_decision_days)
    return Questions(vault=ground.vault, types=ground.types, within=within)
