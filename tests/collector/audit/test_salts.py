"""The file of a salt: made once, for its owner alone, and given back as it is."""

import stat
from pathlib import Path

import pytest

from collector.audit.redaction import SALT_OCTETS
from collector.audit.salts import kept_salt
from collector.errors import ConfigError


def test_a_salt_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """The second call gives what the first one made, and nobody else may read the file."""
    file = tmp_path / "salt"
    first = kept_salt(file)
    assert SALT_OCTETS == len(first)
    assert first == kept_salt(file)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


def test_a_short_salt_is_refused(tmp_path: Path) -> None:
    """A file that holds less than a salt is named, and stays as it is."""
    file = tmp_path / "salt"
    file.write_bytes(b"short")
    with pytest.raises(ConfigError) as refused:
        kept_salt(file)
    says = f"it has 5 octets, a salt has {SALT_OCTETS} at least; remove it"
    assert f"read the salt {file}: {says}" == str(refused.value)
    assert b"short" == file.read_bytes()


def test_a_salt_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    """A folder that is not there is the operator's to mend."""
    file = tmp_path / "nowhere" / "salt"
    with pytest.raises(ConfigError) as refused:
        kept_salt(file)
    assert f"make the salt {file}: No such file or directory; give another file" == str(
        refused.value
    )
