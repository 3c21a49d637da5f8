"""Keys of stand-ins, with which nobody is identified: known by their name and by a mark in whatever they sign.

A hub in production (`YIZHENG_BUILT_IN_CA=refuse`) takes neither. The mark cannot be left out by whoever renames the
key: it stands inside what is signed.
"""

from collections.abc import Mapping
from typing import Any, Final

TRIAL_KEY: Final = "trial-"
"""How the `kid` of every stand-in begins."""
TRIAL_MARK: Final = "trial"
"""The member that is `true` in whatever a stand-in signs."""


def on_trial(kid: str, said: Mapping[str, Any] | None = None) -> bool:
    """Whether this key, or what was signed with it, is a stand-in's."""
    return kid.startswith(TRIAL_KEY) or (said is not None and said.get(TRIAL_MARK, False) is not False)
