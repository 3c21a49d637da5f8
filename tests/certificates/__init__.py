"""Where a verdict is not the one expected, the steps say what it was."""

import pytest

pytest.register_assert_rewrite("tests.certificates.steps")
