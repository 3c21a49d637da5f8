"""What is kept for a time only, by the operator's settings."""

from datetime import timedelta

from hub.assembly.ground import Ground
from hub.exchange.retention import Periods, Retention


def assemble_retention(ground: Ground) -> Retention:
    """Connect it."""
    settings = ground.settings
    periods = Periods(
        used=timedelta(days=settings.use_days),
        subscribed=timedelta(days=settings.subscribed_use_days),
        messages=timedelta(days=settings.webhook_days),
        batches=timedelta(days=settings.pushed_batch_days),
    )
    return Retention(ground.database, periods=periods, clock=ground.clock)
