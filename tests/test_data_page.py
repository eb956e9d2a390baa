"""The data page: what it says of a dataset lies in the records, and what is missing is said."""

import base64
import re
from types import SimpleNamespace

import numpy as np
import pytest
from page_reader import Reader

from stages import _data_page, _files, _params, _records, _samples, site
from stages._data_page import Found

SHA = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
META = {
    "name": "mnist",
    "variant": "sample",
    "title": "MNIST: some of its digits",
    "licence": "CC BY-SA 3.0",
    "citation": "Y. LeCun (1998), The MNIST database",
    "classes": ["two", "ten"],
    "scaling": {"kind": "divide", "by": 255},
}
FETCHED = {
    "licence": "CC BY-SA 3.0",
    "files": {"mnist.csv": {"source": "cache of pypi", "bytes": 9139322, "sha256": SHA}},
}
PREPARED = {
    "rows": {"train": 6, "dev": 4, "test": 1200},
    "balance": {
        "train": {"ten": 2, "two": 4},
        "dev": {"ten": 2, "two": 2},
        "test": {"ten": 200, "two": 1000},
    },
    "duplicates_removed": {"train": 3, "dev": 0},
}


def lay(name="mnist", x=None, **meta):
    """Write what fetch and prepare leave of a dataset."""
    x = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2) if x is None else x
    y = np.array([0, 0, 0, 0, 1, 1])
    folder = _data_page.TENSORS / name
    _files.write_tensors(folder / "train.safetensors", {"x": x, "y": y}, META | meta)
    _samples.write(folder / "samples.png", x, y)
    for stage, details in (("fetch", FETCHED), ("prepare", PREPARED)):
        _files.write_json(_records.path(stage, name), {"details": details})


def rendered(variants=None, **found):
    """Return the page of these datasets; what is not given is read."""
    variants = variants or {"mnist": "sample"}
    found = {name: found.get(name) or _data_page.read(name) for name in variants}
    return _data_page.page("default", variants, found)


def said(html):
    """Return the text of a page as a reader sees it."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.split("<body>")[1]).split())


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LECTURES_SYNC", "off")
    return tmp_path


def test_a_dataset_shows_title_variant_licence_citation_and_what_a_sample_is():
    lay()
    text = said(rendered())

    for part in (META["title"], "mnist sample", META["licence"], META["citation"]):
        assert part in text
    assert "2 × 2 numbers, divided by 255 on use" in text


def test_a_split_shows_its_rows_and_its_classes_in_the_order_of_their_numbers():
    lay()
    html = rendered()
    text = said(html)

    assert "train 6 4 two, 2 ten" in text
    assert "dev 4 2 each" in text
    assert "test 1 200 1 000 two, 200 ten" in text
    assert 'aria-label="two 4, ten 2"' in html
    assert "duplicates removed 3 from train" in text


def test_many_classes_are_summed_up_by_the_smallest_and_the_largest():
    assert _data_page._spread({"a": 196, "b": 200, "c": 200, "d": 1200}) == "196 to 1\u202f200"


def test_a_file_shows_who_served_it_its_size_and_its_sha256():
    lay()
    text = said(rendered())

    assert "1 file, 9.14 MB, from: cache of pypi" in text
    assert f"mnist.csv 9.14 MB cache of pypi {SHA}" in text


def test_the_picture_stands_in_the_page_with_its_bytes_its_size_and_a_text():
    lay()
    html = rendered()
    found = re.search(
        r'<img src="data:image/png;base64,([^"]+)" width="(\d+)" height="(\d+)"', html
    )

    picture = (_data_page.TENSORS / "mnist/samples.png").read_bytes()
    assert base64.b64decode(found[1]) == picture
    assert (found[2], found[3]) == ("640", "128")
    assert "one class per row from the top: two, ten" in html


def test_features_are_described_as_lines_of_cells():
    lay(x=np.arange(24, dtype=np.float32).reshape(6, 4), scaling={"kind": "none"})
    html = rendered()

    assert "4 numbers, used as they are" in html
    assert "one line per sample, one column per feature" in html
    assert 'alt="Lines of grey cells' in html


def test_weights_have_no_picture_and_no_splits_and_the_page_says_so():
    held = {"tensors": {"a": [2, 3]}}
    one = Found(FETCHED, held, META | {"classes": ["net"]}, {"a": [2, 3], "b": []})
    text = said(rendered(mnist=one))

    assert "No picture of samples: these are weights." in text
    assert "train, dev and test hold the same 2 tensors, 7 numbers" in text
    assert "Rows per class" not in text


@pytest.mark.parametrize(
    ("gone", "line"),
    [
        (("fetched", "prepared", "meta", "picture"), "Neither fetched nor prepared here"),
        (("prepared", "meta", "picture"), "Fetched, but not prepared here"),
        (("fetched",), "No record says where its files came from"),
        (("prepared",), "No record says how many rows each split has"),
        (("picture",), "No picture of samples"),
    ],
)
def test_what_is_missing_is_said_with_the_command_that_makes_it(gone, line):
    lay()
    there = vars(_data_page.read("mnist"))
    text = said(rendered(mnist=Found(**{**there, **dict.fromkeys(gone)})))

    assert line in text
    assert "dvc repro prepare@mnist" in text


def test_a_whole_dataset_lacks_nothing():
    lay()

    assert "dvc repro" not in rendered()


def test_an_older_variant_than_that_of_params_is_told_apart():
    lay()
    text = said(rendered({"mnist": "full"}))

    assert "mnist sample" in text
    assert "params.yaml asks for the variant full" in text


def test_hostile_text_is_escaped_and_the_tags_match():
    bad = '"><script>alert(1)</script>'
    lay(title=bad, licence=bad, citation=bad, classes=["two", "ten"])
    html = rendered({"mnist": bad, bad: "none"})
    read = Reader(html)

    assert "<script" not in html
    assert read.wrong == read.open == []
    assert len(read.ids) == len(set(read.ids))


def test_the_page_is_whole_and_every_address_in_it_leads_somewhere():
    lay()
    read = Reader(rendered({"mnist": "sample", "iris": "fisher"}))

    for address in read.addresses:
        assert address == "index.html" or address.startswith("data:") or address[1:] in read.ids
    assert {"dataset-mnist", "dataset-iris"} <= set(read.ids)


def test_site_writes_the_datasets_of_params_and_records_what_it_read(monkeypatch):
    for name in ("mnist", "removed"):
        lay(name)
    raw = {"datasets": {"mnist": {"variant": "sample"}, "iris": {"variant": "fisher"}}}
    params = SimpleNamespace(profile="default", experiments={}, raw=raw)
    monkeypatch.setattr(_params, "load", lambda: params)
    site.main()
    html = site.DATA.read_text(encoding="utf-8")
    record = _files.read_json(_records.path("site", "site"))

    assert "dataset-mnist" in html and "dataset-removed" not in html
    assert "Neither fetched nor prepared here" in html
    assert 'href="data.html"' in site.INDEX.read_text(encoding="utf-8")
    assert 'href="index.html"' in html
    assert set(record["outputs"]) == {"reports/data.html", "reports/index.html"}
    assert set(record["inputs"]) == {
        "data/records/fetch/mnist.json",
        "data/records/prepare/mnist.json",
        "data/tensors/mnist/samples.png",
        "data/tensors/mnist/train.safetensors",
    }


def test_the_same_data_give_a_page_of_equal_bytes():
    lay()

    assert rendered() == rendered()
