"""Who calls: the token of a header, the names of a certificate."""

import pytest

from collector.gate.callers import bearer, names_of


@pytest.mark.parametrize(
    ("header", "expected"),
    [("", None), ("Basic eDp5", None), ("bearer  t ", "t"), ("Bearer ", None), ("Bearer", None)],
)
def test_a_token_is_a_bearer_token(header: str, expected: str | None) -> None:
    """Only a bearer token is one; the scheme's case does not matter."""
    assert expected == bearer(header)


SUBJECT = ((("countryName", "FR"),), (("commonName", "paris"),))


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        (None, set()),
        ({}, set()),
        ({"subject": SUBJECT}, {"paris"}),
        ({"subject": SUBJECT, "subjectAltName": (("DNS", "a.example"),)}, {"a.example"}),
        (
            {"subjectAltName": (("DNS", "a.example"), ("URI", "urn:borne:a"), ("email", "x@y"))},
            {"a.example", "urn:borne:a"},
        ),
        ({"subject": SUBJECT, "subjectAltName": (("email", "x@y"),)}, set()),
    ],
)
def test_names_of_a_certificate(certificate: dict[str, object] | None, expected: set[str]) -> None:
    """Alternative names count, the common name only where there are none at all."""
    assert expected == names_of(certificate)
