"""From settings and effects to claims.json: shapes, verdicts and refusals."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from stages._claims import (
    ClaimError,
    ClaimSettings,
    Effect,
    best_on_dev,
    brief,
    decide,
    errors,
    median,
    paired,
    rate,
    rates,
)
from stages._stats import bonferroni, mean_interval, verdict

seeded = settings(derandomize=True, deadline=None, database=None, max_examples=50)

KEYS = [
    "id", "kind", "source", "direction", "margin", "reason", "metric", "arms",
    "effect", "low", "high", "level", "method", "n", "rows", "power_at", "verdict", "note",
]  # fmt: skip


def claim(direction="greater", margin=0.02):
    return ClaimSettings(kind="claim", direction=direction, margin=margin, reason="a margin")


def identity(tolerance=1e-6):
    return ClaimSettings(kind="identity", tolerance=tolerance)


REPORTED = ClaimSettings(kind="reported")


def effect(measured, **words):
    return Effect(measured, metric="test accuracy", arms="a - b", source="ours", **words)


def single(settings, measured, **words):
    """Decide one claim on its own."""
    [item] = decide({"it": settings}, {"it": effect(measured, **words)})
    return item


def spread(mean, n=12):
    """Return n effects with the given mean and a standard error of 0.001."""
    z = np.linspace(-1, 1, n)
    return mean + z / z.std(ddof=1) * 0.001 * np.sqrt(n)


def test_an_item_has_the_shape_of_claims_json_in_the_order_of_the_settings():
    blocks = {"b": claim(), "a": identity(), "c": REPORTED}
    measured = {"a": errors([1e-7, -2e-7]), "c": paired([1.0]), "b": paired(spread(0.05))}

    items = decide(blocks, {name: effect(m) for name, m in measured.items()})

    assert [item["id"] for item in items] == ["b", "a", "c"]
    assert all(list(item) == KEYS for item in items)
    assert [item["verdict"] for item in items] == ["supported", "holds", "reported"]
    assert json.loads(json.dumps(items, allow_nan=False)) == items


def test_a_claims_numbers_are_those_of_its_interval():
    values = spread(0.05)

    item = single(claim(), paired(values), note="one font")

    t = mean_interval(values)
    assert (item["effect"], item["low"], item["high"]) == (t.effect, t.low, t.high)
    assert (item["n"], item["level"], item["margin"], item["note"]) == (12, 0.95, 0.02, "one font")


def test_brief_is_the_metrics_files_part():
    item = single(claim(), paired(spread(0.05)))

    assert brief(item) == {
        key: item[key] for key in ("kind", "source", "verdict", "effect", "low", "high", "n")
    }


def test_claims_share_the_error_and_reported_numbers_do_not():
    blocks = {"a": claim(), "b": claim("within", 0.1), "r": REPORTED, "i": identity()}
    measured = {name: effect(paired(spread(0.05))) for name in "abr"}

    items = decide(blocks, measured | {"i": effect(errors([0.0]))})

    assert [item["level"] for item in items] == [pytest.approx(0.975)] * 2 + [0.95, None]


def test_claims_decided_elsewhere_share_the_error_too():
    items = decide(
        {"a": claim()}, {"a": effect(paired(spread(0.05)))}, beside=[claim(), claim(), REPORTED]
    )

    assert items[0]["level"] == pytest.approx(1 - 0.05 / 3)


def test_a_table_of_repeats_and_rows_counts_the_rows_sampling():
    rows = np.random.default_rng(0).normal(0.05, 1, size=500)
    table = spread(0.0)[:, None] + rows

    over_seeds = single(claim(), paired(table.mean(axis=1)))
    over_both = single(claim(), paired(table))

    assert over_seeds["verdict"] == "supported"
    assert over_both["verdict"] == "undecided"
    assert (over_seeds["n"], over_seeds["rows"]) == (12, 0)
    assert (over_both["n"], over_both["rows"]) == (12, 500)


@pytest.mark.parametrize(
    ("measured", "mean"),
    [
        (median(np.arange(1, 12.0)), 6),
        (rate([True] * 9 + [False]), 0.9),
        (rates([1] * 9 + [0], [0] * 9 + [1]), 0.8),
    ],
)
def test_medians_and_success_rates_give_effects_with_limits(measured, mean):
    item = single(REPORTED, measured)

    assert item["effect"] == pytest.approx(mean)
    assert item["low"] < item["effect"] < item["high"]


def test_repeats_outside_where_do_not_count():
    values = np.r_[spread(0.05), np.full(3, np.nan)]
    both_succeed = np.isfinite(values)

    item = single(claim(), paired(values, where=both_succeed))

    assert (item["n"], item["verdict"]) == (12, "supported")


def test_fewer_than_ten_repeats_inside_where_leave_it_undecided():
    item = single(claim(), paired(spread(0.05), where=np.arange(12) < 7))

    assert (item["n"], item["verdict"]) == (7, "undecided")
    assert item["note"] == "only 7 of 12 repeats count; a verdict needs 10"


def test_no_repeat_inside_where_gives_no_number():
    item = single(claim(), paired(spread(0.05), where=np.zeros(12)))

    assert (item["effect"], item["low"], item["high"], item["n"]) == (None, None, None, 0)
    assert item["verdict"] == "undecided"


def test_one_repeat_has_an_effect_and_no_limits():
    item = single(REPORTED, paired([[0.5, 1.5]]))

    assert (item["effect"], item["low"], item["high"], item["n"]) == (1.0, None, None, 1)


@pytest.mark.parametrize("measured", [paired(spread(0.05)), None])
def test_a_reason_against_a_verdict_leaves_it_undecided(measured):
    item = single(claim(), measured, undecided="no accelerator here", note="one card")

    assert item["verdict"] == "undecided"
    assert item["note"] == "no accelerator here; one card"


def test_what_was_not_measured_must_say_why():
    with pytest.raises(ValueError, match="must say why"):
        effect(None)


@pytest.mark.parametrize(
    ("cases", "verdict", "worst"),
    [
        ([1e-7, -1e-6], "holds", 1e-6),
        ([1e-7, -2e-6], "fails", 2e-6),
        ([0.0, np.nan], "fails", None),
        (np.array([False, True]), "fails", 1.0),
    ],
)
def test_an_identity_is_judged_by_its_worst_error(cases, verdict, worst):
    item = single(identity(), errors(cases))

    assert (item["verdict"], item["effect"], item["n"]) == (verdict, worst, 2)
    assert (item["margin"], item["low"], item["high"], item["level"]) == (1e-6, None, None, None)


def test_an_identity_without_its_device_is_undecided():
    assert single(identity(), None, undecided="no accelerator")["verdict"] == "undecided"


def test_a_demoted_claim_keeps_its_margin_and_gets_no_verdict():
    demoted = ClaimSettings(kind="reported", direction="greater", margin=0.02, reason="a margin")

    item = single(demoted, paired(spread(0.05, n=5)))

    assert (item["verdict"], item["margin"], item["n"]) == ("reported", 0.02, 5)


@pytest.mark.parametrize(
    ("block", "measured", "message"),
    [
        (
            claim(),
            paired([0.1] * 9),
            "claim it: n = 9 repeats give no verdict; declare it `reported` or run >= 10 repeats",
        ),
        (claim(), errors([0.0]), "claim it: kind `claim` is measured by repeats, not errors(...)"),
        (identity(), paired([0.1]), "claim it: kind `identity` is measured by errors(...)"),
        (claim(), paired([np.nan] + [0.1] * 9), "claim it: 1 of 10 values are not finite"),
        (claim(), rate([2.0] * 10), "claim it: outcomes must be 0 or 1"),
        (identity(), errors([]), "claim it: an identity needs at least 1 case"),
    ],
)
def test_what_cannot_be_decided_is_refused_by_name(block, measured, message):
    with pytest.raises(ClaimError, match=re.escape(message)):
        single(block, measured)


def test_settings_and_effects_must_name_the_same_claims():
    one = {"pool_is_faster": effect(paired(spread(0.05)))}

    with pytest.raises(ClaimError, match=r"claim pool_is_fast: .* mean 'pool_is_faster'\?"):
        decide({"pool_is_fast": claim()}, one)
    with pytest.raises(ClaimError, match=r"effect pool_is_fast: .* mean 'pool_is_faster'\?"):
        decide({"pool_is_faster": claim()}, one | {"pool_is_fast": one["pool_is_faster"]})


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"kind": "claim", "direction": "greater", "reason": "x"}, "needs a direction, a margin"),
        ({"kind": "claim", "margin": 0.1, "reason": "x"}, "needs a direction, a margin"),
        ({"kind": "claim", "direction": "greater", "margin": 0.1, "reason": " "}, "the reason"),
        ({"kind": "claim", "direction": "within", "margin": 0.0, "reason": "x"}, "above 0"),
        (
            {"kind": "claim", "direction": "greater", "margin": 0.1, "reason": "x"}
            | {"tolerance": 0.1},
            "a tolerance belongs to an identity",
        ),
        ({"kind": "identity"}, "an identity needs a tolerance"),
        ({"kind": "identity", "tolerance": -1.0}, "an identity needs a tolerance"),
        ({"kind": "identity", "tolerance": 0.0, "margin": 0.1}, "belong to a claim"),
        ({"kind": "claim", "direction": "less", "margin": 0.1, "reason": "x"}, "'greater' or"),
        ({"kind": "reported", "level": 0.9}, "Extra inputs"),
    ],
)
def test_incomplete_or_mixed_settings_are_refused(block, message):
    with pytest.raises(ValidationError, match=message):
        ClaimSettings.model_validate(block)


def test_the_best_arm_on_dev_has_the_best_mean_over_seeds():
    dev = {0.001: [0.5, 0.6], 0.01: [0.9, 0.7], 0.1: [0.95, 0.1]}

    assert best_on_dev(dev, grid=sorted(dev)).arm == 0.01
    assert best_on_dev(dev, grid=sorted(dev)).edge is None
    assert best_on_dev(dev, largest=False).arm == 0.1


@pytest.mark.parametrize("best", [0.001, 0.1])
def test_a_best_value_at_the_edge_of_its_grid_is_told(best):
    dev = {rate: [float(rate == best)] for rate in (0.1, 0.001, 0.01)}

    chosen = best_on_dev(dev, grid=sorted(dev))

    assert chosen.arm == best
    assert chosen.edge == f"the best value, {best}, is at the edge of its grid, 0.001 to 0.1"
    assert best_on_dev(dev).edge is None


def test_a_plateau_that_reaches_the_edge_is_entered_from_the_inside():
    assert best_on_dev({1: [1.0], 2: [1.0], 3: [0.5]}, grid=[1, 2, 3]).arm == 2


@pytest.mark.parametrize("largest", [True, False])
def test_an_arm_that_diverged_is_never_best(largest):
    dev = {"fine": [1.0, 2.0], "diverged": [np.nan, 1.0], "overflowed": [np.inf, 1.0]}

    assert best_on_dev(dev, largest=largest).arm == "fine"


@seeded
@given(
    st.lists(st.floats(-1, 1), min_size=10, max_size=20),
    st.sampled_from(["greater", "within"]),
    st.floats(0.01, 0.5),
    st.integers(1, 5),
)
def test_a_verdict_always_agrees_with_its_own_interval(values, direction, margin, claims):
    names = [f"claim{i}" for i in range(claims)]

    items = decide(
        dict.fromkeys(names, claim(direction, margin)),
        dict.fromkeys(names, effect(paired(values))),
    )

    interval = mean_interval(values, bonferroni(0.95, claims))
    assert {item["verdict"] for item in items} == {verdict(interval, direction, margin)}
    assert {item["level"] for item in items} == {bonferroni(0.95, claims)}
