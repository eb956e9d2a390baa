"""data/catalog.yaml: every entry is well-formed and pinned, and what it says can be read by DVC."""

import hashlib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.sources import catalogue
from stages.sources.errors import FetchError

CATALOG = Path(__file__).parents[1] / "data/catalog.yaml"
ENTRIES = YAML(typ="safe").load(CATALOG)["datasets"]
DATASETS = {p.stem for p in (CATALOG.parents[1] / "stages/datasets").glob("[a-z]*.py")}


def test_every_dataset_has_an_entry_and_every_entry_a_dataset():
    assert set(ENTRIES) == DATASETS


@pytest.mark.parametrize("dataset", sorted(ENTRIES))
def test_every_entry_is_well_formed_and_pinned(dataset):
    for variant in ENTRIES[dataset]:
        entry = catalogue.pick(ENTRIES, dataset, variant)

        assert entry.files
        assert entry.licence and entry.citation


@pytest.mark.parametrize("dataset", ["iris", "breast_cancer", "digits", "mnist", "fashion"])
def test_content_is_pinned_with_a_whole_sha256(dataset):
    for variant in ENTRIES[dataset]:
        for file in catalogue.pick(ENTRIES, dataset, variant).files.values():
            assert len(file.hash) == len("sha256:") + hashlib.sha256().digest_size * 2


@pytest.mark.parametrize("dataset", sorted(set(ENTRIES) - {"classifiers"}))
def test_the_first_variant_needs_no_dataset_host(dataset):
    variant = next(iter(ENTRIES[dataset])) if dataset != "photos_mobilenet" else "crops"

    for file in catalogue.pick(ENTRIES, dataset, variant).files.values():
        assert {"installed", "pypi", "debian"} & {source.kind for source in file.sources}


def test_joined_variants_have_the_files_of_both():
    joined = catalogue.load("photos_mobilenet", "crops+mobilenet_v2", CATALOG)

    assert {"china.jpg", "mobilenet_v2.pt"} <= set(joined.files)
    assert len(joined.files) == 11


def test_an_unknown_variant_is_named_with_the_nearest():
    with pytest.raises(FetchError, match="did you mean 'resnet18'"):
        catalogue.load("backbones", "resnt18", CATALOG)


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("{bytes: 1, sources: [{kind: mirror, path: a}]}", "no hash"),
        ("{hash: 'sha256:12', bytes: 1, sources: []}", "pattern"),
        ("{hash: 'md5:" + "0" * 32 + "', bytes: 1, sources: [{kind: ftp}]}", "ftp"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path, file, complaint):
    path = tmp_path / "catalog.yaml"
    head = "datasets: {d: {v: {title: t, licence: l, citation: c, files: {a.txt: "
    path.write_text(head + file + "}}}}")

    with pytest.raises(FetchError, match=complaint):
        catalogue.load("d", "v", path)


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", ".hidden"])
def test_a_file_name_that_leaves_the_folder_is_refused(tmp_path, name):
    path = tmp_path / "catalog.yaml"
    path.write_text(
        "datasets: {d: {v: {title: t, licence: l, citation: c, files: "
        f"{{'{name}': {{hash: 'sha256:00000000', bytes: 1, sources: []}}}}}}}}}}"
    )

    with pytest.raises(FetchError, match="pattern"):
        catalogue.load("d", "v", path)


def test_every_torchvision_classifier_has_weights():
    import torchvision

    models = set(torchvision.models.list_models(module=torchvision.models))

    assert set(ENTRIES["backbones"]) | set(ENTRIES["classifiers"]) == models
