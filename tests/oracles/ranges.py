"""The slow obvious version of a look-up: every row is looked at, one after the other."""

from collections.abc import Iterator, Sequence

from hypothesis import strategies as st


def find(rows: Sequence[tuple[int, int]], address: int) -> int:
    """Return the number of the first row that holds `address`, -1 where none does."""
    return next((n for n, (first, last) in enumerate(rows) if first <= address <= last), -1)


def narrowest(rows: Sequence[tuple[int, int, int]], address: int) -> int | None:
    """Return the label of the narrowest row over `address`; of equal ones the lowest, the first."""
    over = [
        (last - first, first, n)
        for n, (first, last, _) in enumerate(rows)
        if first <= address <= last
    ]
    return rows[min(over)[2]][2] if over else None


def edges(rows: Sequence[tuple[int, ...]], bits: int) -> Iterator[int]:
    """Yield first, last, the one before and the one after of every row, within the family."""
    for first, last, *_ in rows:
        yield from (first, last, max(0, first - 1), min((1 << bits) - 1, last + 1))


def beyond(rows: Sequence[tuple[int, int]], bits: int) -> Iterator[int]:
    """Yield, for every row, the first address behind the /30, the /24 and the /18 of its begin."""
    for first, _ in rows:
        for wide in (2, 8, 14):
            yield min((1 << bits) - 1, ((first >> wide) + 1) << wide)


def points(bits: int) -> st.SearchStrategy[int]:
    """Give addresses that like the borders of octets, where a tree could go wrong."""
    top = (1 << bits) - 1
    near = st.builds(
        lambda high, shift, step: min(top, max(0, (high << shift) + step)),
        st.integers(0, 7),
        st.sampled_from(range(0, bits, 4)),
        st.integers(-2, 2),
    )
    return st.one_of(near, st.builds(top.__sub__, near), st.integers(0, top))


@st.composite
def rows(draw: st.DrawFn, bits: int) -> list[tuple[int, int]]:
    """Give rising rows that do not overlap; some touch, some leave gaps, some reach the ends."""
    cuts = sorted(draw(st.sets(points(bits), max_size=24)) | draw(st.sets(st.just(0))))
    ends = [*(cut - 1 for cut in cuts[1:]), (1 << bits) - 1][: len(cuts)]
    kept = draw(st.lists(st.booleans(), min_size=len(cuts), max_size=len(cuts)))
    return [row for row, keep in zip(zip(cuts, ends, strict=True), kept, strict=True) if keep]
