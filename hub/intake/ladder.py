"""The rungs 阶梯 on which evidence stands, from what is at hand to what a person brings. Values only."""

from enum import StrEnum


class Rung(StrEnum):
    """How something was shown. Each is visible as what it is; none passes for a certificate."""

    HELD = "held"
    CERTIFICATE = "certificate"
    SHARED_DATA = "shared_data"
    SEALED_COPY = "sealed_copy"
    VERIFICATION = "verification"
    COMMITMENT = "commitment"
    PAPER = "paper"
