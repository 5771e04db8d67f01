"""The lock of a directory: one holder at a time, and it ends with its holder."""

import os
from pathlib import Path

import pytest

from collector.errors import StoreError
from collector.store import lock


def test_a_second_one_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """The message says what to do."""
    first = lock.hold(tmp_path)
    with pytest.raises(StoreError, match="another collector uses this directory; stop it"):
        lock.hold(tmp_path)
    os.close(first)
    os.close(lock.hold(tmp_path))


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Nothing is made on the way."""
    with pytest.raises(StoreError, match="nowhere/lock"):
        lock.hold(tmp_path / "nowhere")
    assert [] == list(tmp_path.iterdir())
