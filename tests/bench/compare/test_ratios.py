"""Medians and ratios: what the table's figures are made by."""

from compare.ratios import Spread, by_round, differences


def test_a_spread_is_the_median_and_the_ends():
    assert Spread.of([3, 1, 10]) == Spread(3, 1, 10, 3)
    assert Spread.of([1, 2]).median == 1.5


def test_no_values_have_no_spread():
    assert Spread.of([]) is None
    assert by_round({}, {0: 1}) is None


def test_ratios_are_taken_inside_each_round():
    # The machine was slow in round 1 for both: the ratio of medians would say something else.
    ours, theirs = {0: 2, 1: 30, 2: 4}, {0: 1, 1: 10, 2: 4}
    assert by_round(ours, theirs) == Spread(2, 1, 3, 3)


def test_rounds_that_one_lacks_or_that_drown_in_noise_are_left_out():
    assert by_round({0: 2, 1: 5, 2: 7, 3: 1}, {0: 1, 2: 0, 3: -1}) == Spread(2, 2, 2, 1)


def test_differences_are_by_round():
    assert differences({0: 5, 1: 7, 2: 1}, {0: 2, 1: 8}) == {0: 3, 1: -1}
