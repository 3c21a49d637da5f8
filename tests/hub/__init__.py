"""Where two verdicts do not agree, the steps say how they differ."""

import pytest

pytest.register_assert_rewrite("tests.hub.verified")
