"""The cache of names: one look-up per address, an hour of memory, bounded size."""

from agent.namecache import CEILING_NS, FLOOR_NS, NAMELESS, NS_PER_S, Lookup, Name, NameCache

PARIS = Name("par.example", confirmed=True)
A, B = "192.0.2.1", "192.0.2.2"


def test_one_look_up_is_due_once() -> None:
    """The first who wants a name must look it up, all others wait for that look-up."""
    cache = NameCache()
    assert [cache.want(A, 0), cache.want(A, 1), cache.want(B, 1)] == [
        Lookup.DUE,
        Lookup.ASKED,
        Lookup.DUE,
    ]


def test_a_name_is_kept_for_an_hour_at_least() -> None:
    """A short TTL does not make us ask again within the hour."""
    cache = NameCache()
    cache.want(A, 0)
    cache.settle(A, PARIS, 5, 0)
    found = [cache.want(A, 0), cache.want(A, FLOOR_NS - 1), cache.want(A, FLOOR_NS)]
    assert found == [PARIS, PARIS, Lookup.DUE]


def test_a_long_ttl_counts_up_to_a_day() -> None:
    """A TTL of two hours is honoured, one of a year is not."""
    cache = NameCache()
    cache.settle(A, PARIS, 7200, 0)
    cache.settle(B, PARIS, 365 * 86_400, 0)
    found = [
        cache.peek(A, 7200 * NS_PER_S - 1),
        cache.peek(A, 7200 * NS_PER_S),
        cache.peek(B, CEILING_NS - 1),
        cache.peek(B, CEILING_NS),
    ]
    assert found == [PARIS, NAMELESS, PARIS, NAMELESS]


def test_absence_is_kept_like_a_name() -> None:
    """That an address has no name is an answer: it is not asked for again within the hour."""
    cache = NameCache()
    cache.want(A, 0)
    cache.settle(A, NAMELESS, 0, 0)
    assert [cache.want(A, FLOOR_NS - 1), cache.want(A, FLOOR_NS)] == [NAMELESS, Lookup.DUE]


def test_silence_is_kept_for_a_minute() -> None:
    """Where nobody answered the address is left alone for a minute only."""
    cache = NameCache()
    cache.want(A, 0)
    cache.silent(A, 0)
    found = [cache.want(A, 59 * NS_PER_S), cache.want(A, 60 * NS_PER_S)]
    assert found == [NAMELESS, Lookup.DUE]


def test_a_name_that_nobody_confirmed_is_kept_for_a_minute() -> None:
    """It is shown meanwhile; then it is asked for again, for its confirmation is evidence."""
    cache, unchecked = NameCache(), Name("par.example", None)
    cache.want(A, 0)
    cache.silent(A, 0, unchecked)
    found = [cache.want(A, 59 * NS_PER_S), cache.want(A, 60 * NS_PER_S)]
    assert found == [unchecked, Lookup.DUE]


def test_an_abandoned_look_up_is_due_again() -> None:
    """A look-up that came to nothing does not block the address."""
    cache = NameCache()
    cache.want(A, 0)
    cache.abandon(A)
    assert cache.want(A, 0) == Lookup.DUE


def test_peeking_never_asks() -> None:
    """Looking at what is known changes nothing."""
    cache = NameCache()
    assert [cache.peek(A, 0), cache.want(A, 0), cache.peek(A, 0)] == [
        NAMELESS,
        Lookup.DUE,
        NAMELESS,
    ]


def test_the_cache_is_bounded() -> None:
    """On overflow what expires first is forgotten."""
    cache = NameCache(limit=16)
    for number in range(100):
        cache.settle(f"a{number}", PARIS, 0, number)
    assert (len(cache) <= 16, cache.peek("a0", 99), cache.peek("a99", 99)) == (
        True,
        NAMELESS,
        PARIS,
    )
