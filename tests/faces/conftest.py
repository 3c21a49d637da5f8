"""One typesetter for all tests of this folder: it takes a while to open its fonts."""

import pytest

from certificates.rendering.typesetting import Typesetter


@pytest.fixture(scope="session")
def typesetter() -> Typesetter:
    return Typesetter(None)
