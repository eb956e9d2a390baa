"""Times in a record: taken in turn, and judged together with an experiment's other claims."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_results import results

from stages import _timed
from stages._claims import ClaimError, Effect, median
from stages._training import Trainer

CLAIM = {"kind": "claim", "direction": "greater", "margin": 1.2, "reason": "a fifth"}
SECONDS = {"loader": list(np.linspace(2.0, 2.2, 12)), "memory": [1.0] * 12}


def timed_results(claims: dict, timed: dict):
    """Return results whose records hold timings, and claims to judge them by."""
    these = results()
    train = {**these.records["train"], "details": {"timings": {"feeding": SECONDS}}}
    evaluate = {
        **these.records["evaluate"],
        "params": {"evaluate": {"claims": claims, "timed": timed}},
    }
    return replace(these, records={**these.records, "train": train, "evaluate": evaluate})


def effects(these) -> dict[str, Effect]:
    taken = _timed.seconds(these, "feeding")
    ratio_S = taken["loader"] / taken["memory"]
    return {"memory_is_faster": Effect(median(ratio_S), "ratio of times", "a / b", "ours")}


def test_works_are_timed_in_turn_after_a_warm_up_of_each(tmp_path, monkeypatch):
    monkeypatch.setenv("LECTURES_DEVICE", "cpu")
    calls: list[str] = []
    fit = Trainer("test", 7, tmp_path)
    fit.time("letters", {arm: lambda arm=arm: calls.append(arm) for arm in "ab"}, repeats=3)

    assert calls == list("abababab")
    assert {arm: len(taken) for arm, taken in fit.timings["letters"].items()} == {"a": 3, "b": 3}
    assert all(min(taken) > 0 for taken in fit.timings["letters"].values())


def test_a_claim_about_time_is_judged_by_the_settings_that_evaluate_recorded():
    these = timed_results(claims={}, timed={"memory_is_faster": CLAIM})
    (item,) = _timed.claims(these, effects(these))

    assert (item["verdict"], item["n"], item["margin"]) == ("supported", 12, 1.2)
    assert item["effect"] == pytest.approx(2.1)


def test_claims_about_time_and_the_others_share_one_error():
    these = timed_results({"other": CLAIM}, {"memory_is_faster": CLAIM})
    (item,) = _timed.claims(these, effects(these))

    assert item["level"] == pytest.approx(0.975)


def test_too_few_repeats_of_the_clock_are_refused():
    these = timed_results(claims={}, timed={"memory_is_faster": CLAIM})
    few = {"memory_is_faster": Effect(median([2.0] * 9), "ratio of times", "a / b", "ours")}

    with pytest.raises(ClaimError, match="n = 9 repeats"):
        _timed.claims(these, few)
