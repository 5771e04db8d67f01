"""Parameters as texts become values, or are refused by name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import RefusedError
from collector.web import parameters
from collector.web.parameters import PPM, Given, Parameter

ROW = Parameter(name="q", kind="quantiles", says="A test.")
AT = Parameter(name="at", kind="time", says="A test.")
COUNT = Parameter(name="n", kind="integer", says="A test.", minimum=2, maximum=9)


@given(st.integers(0, PPM))
def test_a_quantile_survives_its_text(rank_ppm: int) -> None:
    """Six digits are exact in both directions."""
    text = parameters.quantile_text(rank_ppm)
    assert (rank_ppm,) == Given([("q", text)], [ROW]).quantiles_ppm("q")
    assert re.fullmatch(parameters.QUANTILES_PATTERN, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", (0,)),
        ("1", (PPM,)),
        ("1.000000", (PPM,)),
        ("0.5,0.25", (250_000, 500_000)),
        ("0.5,0.50", (500_000,)),
    ],
)
def test_quantiles_rise_and_come_once(text: str, expected: tuple[int, ...]) -> None:
    """Whatever their order, the sketches are asked for each once."""
    assert expected == Given([("q", text)], [ROW]).quantiles_ppm("q")


@pytest.mark.parametrize("text", ["1.1", "-0", "0.0000001", "0.5,", ",", "nan", ".5", "0,5 ", "٠"])
def test_what_is_no_quantile_is_refused(text: str) -> None:
    """Neither by the reader nor by the pattern of the document."""
    with pytest.raises(RefusedError, match="q: must be numbers from 0 to 1"):
        Given([("q", text)], [ROW]).quantiles_ppm("q")
    assert re.fullmatch(parameters.QUANTILES_PATTERN, text, re.ASCII) is None


@given(st.from_regex(parameters.TIME_PATTERN, fullmatch=True))
def test_the_pattern_of_times_is_that_of_the_reader(text: str) -> None:
    """A text of the pattern is a time, or a day that no calendar has."""
    try:
        assert 0 <= Given([("at", text)], [AT]).time_ns("at", 7)
    except RefusedError as error:
        assert "at: must be a time" in str(error)  # noqa: PT017 - which of both is the text's


def test_bounds_are_those_of_the_row_unless_given() -> None:
    """A caller may narrow what the row says."""
    asked = Given([("n", "9")], [COUNT])
    assert 9 == asked.integer("n", 3)
    with pytest.raises(RefusedError, match="n: must be a whole number from 2 to 8, not '9'"):
        asked.integer("n", 3, maximum=8)
    assert 3 == Given([], [COUNT]).integer("n", 3)
