"""Figures: repeatable to the byte, legible without colour, and at home in light and dark."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_results import claim, figures, results

from stages import _figures as draw
from stages import _files, _theme
from stages._forest import forest, scale
from stages._labels import apart

seeded = settings(derandomize=True, deadline=None, database=None, max_examples=60)
SCRIPT = """
import sys
from pathlib import Path
from made_up_results import figures, results
from stages import _figures as draw
with draw.style():
    for figure in figures(results(), None):
        draw.save(figure, Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two saved figures."""
    where = tmp_path_factory.mktemp("figures")
    with draw.style():
        for figure in figures(results(), None):
            draw.save(figure, where)
    return where


def luminance(colour):
    x = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(first, second):
    dark, bright = sorted([luminance(first), luminance(second)])
    return (bright + 0.05) / (dark + 0.05)


def test_another_process_saves_the_same_bytes(folder, tmp_path):
    tests = Path(__file__).parent
    paths = os.pathsep.join([str(tests), str(tests.parent)])
    env = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "7", "TZ": "Asia/Tehran"}
    subprocess.run([sys.executable, "-c", SCRIPT, tmp_path], check=True, env=env)

    assert _files.sha256(folder / "curves.svg") == _files.sha256(tmp_path / "curves.svg")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_a_figure_carries_no_date_and_no_version(folder):
    for path in folder.iterdir():
        content = path.read_bytes()
        assert b"<dc:date>" not in content and b"matplotlib" not in content.lower()


def test_a_figure_follows_the_scheme_of_its_reader(folder):
    text = (folder / "curves.svg").read_text(encoding="utf-8")
    drawn = text.split("</style>", 1)[1]

    assert "prefers-color-scheme:dark" in text
    for name in ("ink", "muted", "rule", "c1", "c2"):
        assert f"var(--{name},{_theme.light(name)})" in drawn
    assert not re.search(r"(?<!,)#(07599b|b5401b|1f1d1a)\b", drawn)


def test_an_unknown_colour_stays_as_it_is():
    assert _theme.themed("fill:#123456") == "fill:#123456"


def test_ids_of_a_figure_begin_with_its_name(folder):
    for path in folder.glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        ids = re.findall(r' id="([^"]+)"', text)
        used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', text))

        assert ids and all(name.startswith(f"{path.stem}-") for name in ids)
        assert used == set(ids)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_the_paper(scheme):
    paper = _theme.COLOURS["paper"][scheme]

    for name in ("ink", "muted", "link", "yes", "no", "open"):
        assert contrast(_theme.COLOURS[name][scheme], paper) >= 4.5
    for name in ("plain", *(f"c{i}" for i in range(1, 7))):
        assert contrast(_theme.COLOURS[name][scheme], paper) >= 3


def test_styles_differ_in_dashes_and_markers_as_well_as_in_colour():
    for first, second in itertools.combinations(draw.STYLES, 2):
        assert first.colour != second.colour
        assert first.line != second.line and first.marker != second.marker


def test_the_style_is_gone_after_the_context():
    import matplotlib

    before = matplotlib.rcParams["svg.hashsalt"]
    with draw.style():
        assert matplotlib.rcParams["svg.hashsalt"] == "lectures"
    assert matplotlib.rcParams["svg.hashsalt"] == before


def test_a_bad_name_of_a_figure_is_refused():
    with pytest.raises(ValueError, match=r"made of a-z"):
        draw.Figure("A figure/1", draw.canvas()[0], "", "")


@pytest.mark.parametrize(("value", "text"), [(1e-4, "10⁻⁴"), (1, "10⁰"), (1e12, "10¹²")])
def test_powers_of_ten_are_plain_text(value, text):
    assert draw.power_of_ten(value) == text


@seeded
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_labels_are_pushed_apart_and_keep_their_order(heights):
    moved = apart(heights, 0.1)
    order = np.argsort(heights, kind="stable")

    assert np.all(np.diff(np.array(moved)[order]) >= 0.1 - 1e-6)
    assert min(moved) >= 0


def test_labels_that_are_apart_stay_where_they_are():
    assert apart([0.1, 0.9, 0.5], 0.1) == [0.1, 0.9, 0.5]


def drawn(item):
    """Return the x of the interval's ends and of the region's ends, read off the drawing."""
    svg = str(forest(item, "yes"))
    ends = re.search(r'class="bar" x1="([\d.]+)" y1="29" x2="([\d.]+)"', svg)
    region = re.search(r'class="region" x="([\d.]+)" y="17" width="([\d.]+)"', svg)
    left, width = float(region[1]), float(region[2])
    return float(ends[1]), float(ends[2]), left, left + width


@pytest.mark.parametrize("direction", ["greater", "within"])
def test_the_interval_is_drawn_inside_the_region_when_the_claim_is_supported(direction):
    rng = np.random.default_rng(5)
    for effect, half in zip(rng.normal(0, 0.1, 60), rng.uniform(0.001, 0.05, 60), strict=True):
        low, high = effect - half, effect + half
        item = claim(direction=direction, margin=0.05, effect=effect, low=low, high=high)
        x1, x2, left, right = drawn(item)
        supported = low > 0.05 if direction == "greater" else -0.05 < low and high < 0.05

        assert x1 < x2
        assert (x1 >= left and x2 <= right) == supported


def test_an_open_interval_reaches_the_edge():
    x1, x2, _, _ = drawn(claim(low=None))

    assert x1 == 1 and 1 < x2 < 340


def test_a_scale_is_linear_and_survives_a_single_value():
    to_x = scale([0, 1])

    assert to_x(0.5) == pytest.approx((to_x(0) + to_x(1)) / 2)
    assert scale([0.3])(0.3) == 170


def test_a_decade_axis_has_whole_powers_of_ten():
    with draw.style():
        _, ax = draw.canvas()
        ax.plot([1, 2], [2e-6, 0.5])
        draw.decade_axis(ax, "distance")
        labels = [ax.yaxis.get_major_formatter()(y) for y in ax.yaxis.get_majorticklocs()]

    assert {"10⁻⁵", "10⁻³", "10⁻¹"} <= set(labels)
    assert (ax.get_yscale(), ax.get_ylabel()) == ("log", "distance")
