"""Numbers in words: digits follow the uncertainty, nothing is invented."""

import math

import pytest

from stages import _numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (-0.02, "−0.02"),
        (3.127e-5, "3.13 × 10⁻⁵"),
        (-2e7, "−2 × 10⁷"),
        (0.0, "0"),
        (10.0, "10"),
        (142300.5, "142\u202f300"),
        (math.inf, "∞"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_a_plain_number(value, text):
    assert _numbers.plain(value) == text


@pytest.mark.parametrize(
    ("low", "high", "value", "places"),
    [
        (0.798, 0.842, 0.82, 3),
        (-0.0052, 0.0113, 0.003, 4),
        (100.0, 150.0, 125.0, 0),
        (None, None, 0.5, 3),
        (0.5, 0.5, 0.5, 3),
        (None, None, 0.0, 3),
        (0.0, 1e-9, 0.0, None),
        (1.0986122, 1.0986124, 1.0986123, 6),
    ],
)
def test_decimals_show_two_digits_of_the_half_width(low, high, value, places):
    assert _numbers.decimals(low, high, value) == places


def test_fixed_numbers_have_a_true_minus_and_a_sign_on_request():
    assert _numbers.fixed(-0.07512, 3, sign=True) == "−0.075"
    assert _numbers.fixed(0.07512, 3, sign=True) == "+0.075"
    assert _numbers.fixed(12345.6, 0) == "12\u202f346"
    assert _numbers.fixed(math.nan, 2) == "–"


def test_intervals_may_be_open():
    assert _numbers.between(-0.01, 0.02, 2) == "−0.01 to 0.02"
    assert _numbers.between(None, 0.02, 2) == "up to 0.02"
    assert _numbers.between(0.5, math.nan, 1) == "0.5 or more"
    assert _numbers.between(None, None, 1) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2e-6, "2 µs"),
        (0.25, "250 ms"),
        (4.314, "4.31 s"),
        (438.2, "7 min 18 s"),
        (3720, "1 h 2 min"),
        (None, "–"),
    ],
)
def test_durations(seconds, text):
    assert _numbers.duration(seconds) == text


def test_levels_keep_the_digits_that_matter():
    assert _numbers.percent(1 - 0.05 / 7) == "99.3\u202f%"
    assert _numbers.percent(0.95) == "95\u202f%"


def test_a_limit_gets_the_digits_that_keep_it_apart_from_the_margin():
    assert _numbers.apart(0.3, 2, 0.09, 0.29885) == 3
    assert _numbers.apart(0.3, 2, 0.09, 0.28) == 2
    assert _numbers.apart(0.3, 2, 0.3, None) == 2
    assert _numbers.apart(None, 2, 0.3) == 2


def test_nothing_is_minus_zero_and_one_thread_is_no_threads():
    assert _numbers.fixed(-0.0001, 3, sign=True) == "0.000"
    assert [_numbers.counted(n, "thread") for n in (1, 2)] == ["1 thread", "2 threads"]
