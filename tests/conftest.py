"""What every test may ask for: the material beside the project, and the cast."""

from pathlib import Path

import pytest

pytest_plugins = ["tests.servers.fixtures"]

BESIDE = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of test material beside the checkout; tests that need it skip, visibly, where it is absent."""
    if not BESIDE.is_dir():
        pytest.skip("needs ../shared beside the checkout")
    return BESIDE
