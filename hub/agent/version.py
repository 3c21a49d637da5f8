"""The version that an agent tells the hub with every poll."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _installed() -> str:
    try:
        return version("yizheng")
    except PackageNotFoundError:  # run from a checkout
        return "0"


VERSION: Final = _installed()
