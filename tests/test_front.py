"""The front page: every experiment of params.yaml, every statement, and nothing stale."""

import re
from types import SimpleNamespace

import pytest
from made_up_results import card, claim, front, identity, results

from stages import _files, _front, _params, site


def test_the_front_page_lists_the_experiments_of_params_and_no_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LECTURES_SYNC", "off")
    for name in ("optimizers", "removed"):
        told = card(name) | {"title": f"The page of {name}"}
        _files.write_json(tmp_path / f"reports/pages/{name}/card.json", told)
        _files.write_json(tmp_path / f"reports/metrics/{name}.json", results().metrics)
    experiments = {"optimizers": 0, "dropout": 0}
    params = SimpleNamespace(
        profile="default",
        experiments=experiments,
        raw={"datasets": {"iris": {"variant": "fisher"}}},
    )
    monkeypatch.setattr(_params, "load", lambda: params)
    site.main()
    html = (tmp_path / "reports/index.html").read_text(encoding="utf-8")

    assert "The page of optimizers" in html
    assert "removed" not in html
    assert "<code>dropout</code>" in html


def test_the_front_table_holds_every_claim_and_needs_no_script():
    html = front("optimizers", "dropout")
    rows = re.findall(r'<tr role="row" data-verdict="(\w+)" data-experiment="(\w+)"', html)

    assert rows == [(v, e) for e in ("optimizers", "dropout") for v in ("supported", "holds")]
    assert '<form class="filters" hidden>' in html
    assert "+0.123" in html and "0.100 to 0.146" in html


def test_every_filter_finds_its_field_and_its_values_on_the_rows():
    html = front("optimizers", "dropout")
    rows = re.findall(r'<tr role="row" (data-.*?)>', html)
    fields = dict(re.findall(r'<select name="(\w+)">(.*?)</select>', html, re.DOTALL))

    assert list(fields) == ["verdict", "experiment", "kind", "source"]
    for field, options in fields.items():
        found = {dict(re.findall(r'data-(\w+)="(.*?)"', row))[field] for row in rows}
        assert set(re.findall(r'value="(.*?)"', options)) == {"", *found}
    assert all('data-claim="' in row for row in rows)


def test_the_front_page_says_how_many_false_verdicts_to_expect():
    html = " ".join(front("optimizers", "dropout").split())

    assert "2 of the experiments test claims: on average up to 0.1 of them" in html


def test_a_page_older_than_its_metrics_is_refused():
    moved = results(claims=[claim(verdict="undecided"), identity()]).metrics

    with pytest.raises(_front.StaleError, match="dvc repro report@optimizers"):
        _front.front("default", ["optimizers"], {"optimizers": card()}, {"optimizers": moved})
