"""The speed page: its figures, its table and its sentences say what the benchmark wrote."""

import html
import json
import re
import sys
from types import SimpleNamespace

import pytest
from page_reader import Reader

from benchmarks import sweep
from stages import _files, _params, _records, _speed_page, site
from stages._speed_page import LIMIT, LOOP

TINY = "2000 nets of 2-1-1, SGD, 200 points"
MACHINE = {"cpu": "Made-up CPU @ 2.20GHz", "cores": 2, "date": "2026-11-24"}


def row(contestant, ms, loop_ms):
    """Return one contestant as the benchmark writes it."""
    times = {"contestant": contestant, "ms": ms, "times the loop's speed": loop_ms / ms}
    return {**times, "share of peak": 0.0125, "spread": 0.0331}


def work(title, **ms):
    """Return a workload; the names are short for those of the benchmark."""
    names = {"loop": LOOP, "jax": "JAX jit(vmap(scan))", "limit": LIMIT}
    rows = [
        row(names.get(name, f"engine, {name}"), value, ms["loop"]) for name, value in ms.items()
    ]
    return {"title": title, "rows": rows}


def measured(**different):
    """Return what the benchmark writes of all its workloads."""
    curve = [{"models": n, "ms": ms} for n, ms in ((1, 0.43), (10, 0.046), (2000, 0.0016))]
    workloads = {
        "a": work("optimizers sweep", loop=2.44, jax=0.117, compiled=0.0917, limit=0.059),
        "b": work(TINY, loop=0.248, stacked=0.00163, compiled=0.000622),
        "c": work("iris: 5 widths x 5 depths", loop=0.4, stacked=0.02, limit=0.012),
        "d": work("MNIST CNN x 6 seeds", loop=5.0, sequential=3.1, stacked=8.0),
        "n": {"title": f"cost by number of models: {TINY}", "rows": curve},
    }
    base = {"torch": "2.14.1+cu130", "workers": 2, "peak_gflops": 187.4}
    return {**base, "machine": MACHINE, "workloads": workloads, **different}


def only(*keys):
    """Return what the benchmark writes of some of its workloads."""
    return measured(workloads={key: measured()["workloads"][key] for key in keys})


def said(page):
    """Return the text of a page as a reader sees it, without its figures."""
    body = re.sub(r"<svg.*?</svg>", " ", page.split("<body>")[1], flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def alts(page):
    """Return what the figures say to those who cannot see them."""
    return [html.unescape(alt) for alt in re.findall(r'role="img" aria-label="([^"]+)"', page)]


def heights(page):
    """Return the y of the marks of the second figure, read off the drawing."""
    drawn = page.split("<svg")[2]
    path = re.search(
        r'<path d="([^"]+)" clip-path="[^"]+" style="fill: none; stroke: var\(--c1', drawn
    )
    return [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path[1])]


@pytest.fixture(scope="module")
def page():
    """The page of all workloads."""
    return _speed_page.page(measured())


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Work in an empty folder, with nothing in params.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LECTURES_SYNC", "off")
    params = SimpleNamespace(profile="default", experiments={}, raw={"datasets": {}})
    monkeypatch.setattr(_params, "load", lambda: params)
    return tmp_path


def test_the_table_shows_every_contestant_with_three_digits_and_no_powers_of_ten(page):
    text = said(page)

    assert "JAX jit(vmap(scan)) 0.117 20.9 1.25 % 3.31 %" in text
    assert "engine, compiled 0.000622 399 1.25" in text
    assert "limit: the batched products alone 0.0590 41.4" in text
    assert "× 10" not in text
    assert text.count(f"{LOOP} ") >= 4


def test_the_page_says_how_and_on_what_it_was_measured(page):
    text = said(page)

    assert "with all cores at work: the engine in 2 processes of one thread each" in text
    assert "start-up, compiling and evaluation are left out" in text
    assert "what counts are the ratios to the lecture's loop" in text
    for part in (*map(str, MACHINE.values()), "187 GFLOP/s", "2.14.1+cu130"):
        assert part in text


def test_cores_are_all_at_work_only_where_that_is_known():
    more = _speed_page.page(measured(machine={**MACHINE, "cores": 8}, workloads={}))
    unknown = _speed_page.page({**only(), "machine": {}})

    assert "all cores" not in said(more) and "all cores" not in said(unknown)
    assert "processor" not in said(unknown)


def test_a_figure_tells_every_panel_in_words(page):
    speeds, by_number = alts(page)

    assert "optimizers sweep, times the loop's speed: the lecture's loop 1.00; JAX" in speeds
    assert "engine, compiled 26.6; the limit 41.4." in speeds
    assert "engine, sequential 1.61; engine, stacked 0.625." in speeds
    assert "From 0.430 ms with 1 to 0.00160 ms with 2000 models." in by_number


def test_the_first_figure_has_a_panel_per_workload_and_a_line_per_limit(page):
    drawn = page.split("<svg")[1]

    for title in ("optimizers sweep", TINY, "iris: 5 widths x 5 depths", "MNIST CNN x 6 seeds"):
        assert drawn.count(f">{title}</text>") == 1
    assert drawn.count(">limit</text>") == 2
    assert drawn.count(">26.6</text>") == 1


def test_the_second_figure_is_logarithmic_in_both_directions(page):
    first, second, third = heights(page)

    assert (third - first) / (second - first) == pytest.approx(2.5, rel=0.02)
    assert page.split("<svg")[2].count(f">{LOOP}</text>") == 1


@pytest.mark.parametrize(
    ("ms", "sentence"),
    [
        ([4, 2, 2], "No larger number of models costs more per model than a smaller one."),
        ([4, 2, 2.5, 1], "the cost per model grows by 25% at most."),
    ],
)
def test_growth_of_the_cost_per_model_is_said_as_it_was_measured(ms, sentence):
    assert _speed_page._growth(ms).endswith(sentence)


def test_what_was_not_measured_is_not_on_the_page():
    one, curve, nothing = (_speed_page.page(only(*keys)) for keys in ("d", "n", ""))

    assert len(alts(one)) == 1 and "dashed" not in said(one)
    assert "By number of models" not in said(one)
    assert len(alts(curve)) == 1 and LOOP not in alts(curve)[0] and "dashed" not in said(curve)
    assert alts(nothing) == [] and "Nothing has been measured yet." in said(nothing)


def test_hostile_text_is_escaped_and_the_tags_match():
    bad = '"><script>alert(1)</script>'
    workloads = {"a": work(bad, loop=2.0, **{bad: 1.0})}
    read_of = _speed_page.page(measured(torch=bad, machine={"cpu": bad}, workloads=workloads))
    read = Reader(read_of)

    assert "<script" not in read_of
    assert read.wrong == read.open == []


def test_the_page_is_whole_and_every_address_in_it_leads_somewhere(page):
    read = Reader(page)

    assert read.wrong == read.open == []
    assert len(read.ids) == len(set(read.ids))
    for address in read.addresses:
        assert address == "index.html" or address[1:] in read.ids


def test_the_same_results_give_a_page_of_equal_bytes(page):
    assert _speed_page.page(measured()) == page


def test_site_writes_the_page_links_it_and_records_both(root):
    _files.write_json(_speed_page.RESULTS, only("b"))
    site.main()
    record = _files.read_json(_records.path("site", "site"))

    assert TINY in site.SPEED.read_text(encoding="utf-8")
    assert 'href="speed.html"' in site.INDEX.read_text(encoding="utf-8")
    assert "reports/speed.json" in record["inputs"]
    assert "reports/speed.html" in record["outputs"]


def test_without_results_there_is_no_page_and_no_link_to_one(root):
    _files.write_text(site.SPEED, "an older page")
    site.main()
    record = _files.read_json(_records.path("site", "site"))

    assert not site.SPEED.exists()
    assert "speed.html" not in site.INDEX.read_text(encoding="utf-8")
    assert not any("speed" in name for name in (*record["inputs"], *record["outputs"]))


def test_the_benchmark_writes_what_the_page_reads(tmp_path, monkeypatch):
    """The benchmark itself, with a made-up clock."""
    field = {LOOP: 0.25, "engine, stacked": 0.002, "engine, compiled": 0.001, LIMIT: 0.0005}
    clocks = {name: lambda s=seconds: s for name, seconds in field.items()}
    engine = SimpleNamespace(cost=lambda work, kind, n: SimpleNamespace(seconds=0.25 / n))
    monkeypatch.setattr(sweep, "contestants", lambda *_: clocks)
    monkeypatch.setattr(sweep, "Engine", lambda workers: engine)
    monkeypatch.setattr(sweep, "matmul_peak", lambda: 1e11)
    monkeypatch.setattr(
        sys, "argv", ["sweep", "--only", "b", "n", "--out", f"{tmp_path}/speed.json"]
    )
    sweep.main()
    found = json.loads((tmp_path / "speed.json").read_text())

    assert found["machine"].keys() == MACHINE.keys()
    text = said(_speed_page.page(found))
    assert "engine, compiled 1.00 250 " in text
    assert "limit: the batched products alone 0.500 500 " in text
    assert "the lecture's loop on the same nets" in text


def test_the_page_knows_the_loop_and_the_limit_by_the_names_of_the_benchmark():
    names = list(sweep.contestants(sweep.workloads()["a"], None))

    assert names[0] == LOOP and names[-1] == LIMIT
