"""A lot is drawn by its seed alone, and every row has its turn."""

from deploy.lab.lot import Lot


def test_the_same_seed_draws_the_same() -> None:
    """The first numbers of SplitMix64 for the seed 1234567, as published with the generator."""
    lot = Lot(1234567)
    published = (6457827717110365317, 3203168211198807973, 9817491932198370423)
    assert [number >> 11 for number in published] == [
        round(lot._chance() * 2**53) for _ in published
    ]


def test_what_is_shuffled_is_whole_and_in_any_order() -> None:
    """Every order of three comes, and nothing is lost or doubled."""
    lot = Lot(1)
    orders = {tuple(lot.shuffled("abc")) for _ in range(200)}
    assert len(orders) == 6
    assert {"abc"} == {"".join(sorted(order)) for order in orders}


def test_shares_and_ranges_hold() -> None:
    """Nothing happens at share 0, everything at 1, and numbers stay in their range."""
    lot = Lot(2)
    assert not any(lot.happens(0.0) for _ in range(100))
    assert all(lot.happens(1.0) for _ in range(100))
    assert all(1.0 <= lot.between(1.0, 2.0) <= 2.0 for _ in range(100))
    assert {"a", "b"} == {lot.one_of("ab") for _ in range(50)}
