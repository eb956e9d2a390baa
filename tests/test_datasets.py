"""Datasets: the official formats are read, and test rows share nothing with train rows."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from raw_files import gzipped, idx, pinned, tarred, zipped
from sklearn.linear_model import RidgeClassifier

from stages import fetch as fetch_stage
from stages import prepare
from stages._idx import IdxError
from stages._params import ParamsError
from stages.datasets import (
    _backbone,
    _crops,
    backbones,
    breast_cancer,
    digits,
    fashion,
    iris,
    letters,
    mnist,
    photos,
    photos_mobilenet,
    photos_small,
    pictures,
)
from stages.datasets._cifar10 import CifarError
from stages.datasets._generated import GeneratedError
from stages.datasets._raw import Part, Split
from stages.datasets._stl10 import Stl10Error
from stages.sources import catalogue
from stages.sources.acquire import acquire
from stages.sources.workspace import Workspace

CATALOG = Path(__file__).parents[1] / "data/catalog.yaml"


def rng(seed=0):
    return np.random.default_rng(seed)


def variant(**files):
    """Describe a dataset whose files a mirror has inside archives."""
    texts = {"title": "Tiny", "licence": "CC0", "citation": "us"}
    return catalogue.Variant.model_validate({**texts, "files": files})


def in_archive(content, archive, member):
    """Describe one file: a member of an archive whose whole hash is pinned."""
    source = {"kind": "mirror", "path": archive.name, "member": member}
    source["hash"] = pinned(archive.read_bytes(), "md5")
    return {"bytes": len(content), "sources": [source]}


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror folder; every test keeps out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("DATA_MIRROR", str(folder))
    return folder


def fetched(tmp_path, wanted):
    """Run the real fetch and return the raw folder."""
    fetch_stage.fetch("tiny", "small", wanted, tmp_path / "raw")
    return tmp_path / "raw"


@pytest.fixture(scope="module")
def packaged(tmp_path_factory):
    """Return a function: (dataset, variant) -> its raw folder, from the packages at hand."""

    def raw(dataset, chosen):
        folder = tmp_path_factory.mktemp(dataset)
        (folder / "scratch").mkdir()
        workspace = Workspace(folder / "scratch")
        for name, file in catalogue.load(dataset, chosen, CATALOG).files.items():
            acquire(name, file, folder / name, workspace)
        return folder

    return raw


@pytest.fixture(scope="module")
def photographs(packaged):
    return packaged("photos_mobilenet", "crops+mobilenet_v2")


def idx_files(folder, names, fit=6, test=4, labels=10):
    """Write four idx files and return (images, labels) of both parts, the fit part first."""
    images = rng().integers(0, 256, (fit + test, 28, 28), dtype=np.uint8)
    numbers = (np.arange(fit + test) % labels).astype(np.uint8)
    for (image_name, label_name), rows in zip(
        names, (slice(0, fit), slice(fit, None)), strict=True
    ):
        (folder / image_name).write_bytes(idx(images[rows]))
        (folder / label_name).write_bytes(idx(numbers[rows]))
    return images, numbers


MNIST = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)


@pytest.mark.parametrize("module", [mnist, fashion])
def test_idx_files_are_read_and_official_test_rows_are_marked(tmp_path, module):
    images, numbers = idx_files(tmp_path, MNIST)
    settings = module.Params.model_validate({"variant": "full", "split": {"dev": 2}})

    loaded = module.load(tmp_path, settings, rng())

    assert np.array_equal(loaded.x, images)
    assert np.array_equal(loaded.y, numbers)
    assert loaded.part.tolist() == [Part.FIT] * 6 + [Part.TEST] * 4


def test_labels_that_do_not_match_the_images_are_refused(tmp_path):
    idx_files(tmp_path, MNIST)
    (tmp_path / MNIST[0][1]).write_bytes(idx(np.zeros(5, dtype=np.uint8)))

    with pytest.raises(IdxError, match="does not label"):
        mnist.load(tmp_path, mnist.Params(variant="full", split=Split()), rng())


def test_the_mnist_sample_is_a_table_of_pixels_and_a_digit(tmp_path):
    pixels = rng().integers(0, 256, (3, 784))
    table = np.column_stack([pixels, [7, 0, 9]])
    np.savetxt(tmp_path / "mnist_5k.csv", table, fmt="%d", delimiter=",")

    loaded = mnist.load(tmp_path, mnist.Params(variant="sample", split=Split()), rng())

    assert np.array_equal(loaded.x, pixels.reshape(3, 28, 28))
    assert loaded.y.tolist() == [7, 0, 9]


def emnist(tmp_path, mirror, labels):
    """Fetch a tiny EMNIST, gzipped idx files in one zip, with the given labels in train."""
    images = rng().integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    contents = {
        "emnist-letters-train-images-idx3-ubyte": idx(images),
        "emnist-letters-train-labels-idx1-ubyte": idx(np.array(labels, dtype=np.uint8)),
        "emnist-letters-test-images-idx3-ubyte": idx(images[:1]),
        "emnist-letters-test-labels-idx1-ubyte": idx(np.array([26], dtype=np.uint8)),
    }
    members = {
        f"gzip/{name}.gz": gzipped(tmp_path / "part.gz", content).read_bytes()
        for name, content in contents.items()
    }
    archive = zipped(mirror / "gzip.zip", members)
    files = {n: in_archive(c, archive, f"gzip/{n}.gz") for n, c in contents.items()}
    return fetched(tmp_path, variant(**files)), images


EMNIST = letters.Params(variant="emnist", split=Split())


def test_emnist_letters_come_out_of_the_zip_upright_and_numbered_from_zero(tmp_path, mirror):
    raw, images = emnist(tmp_path, mirror, [1, 2, 26])

    loaded = letters.load(raw, EMNIST, rng())

    assert np.array_equal(loaded.x[:3], images.transpose(0, 2, 1))
    assert loaded.y.tolist() == [0, 1, 25, 25]
    assert loaded.classes[loaded.y[2]] == "Z"


def test_emnist_s_unused_class_is_refused(tmp_path, mirror):
    raw, _ = emnist(tmp_path, mirror, [0, 2, 26])

    with pytest.raises(IdxError, match=r"labels 0\.\.26 are not letters"):
        letters.load(raw, EMNIST, rng())


def cifar(tmp_path, mirror, rows=2):
    """Fetch a tiny CIFAR-10: six binary files in a tar.gz."""
    names = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    records = rng().integers(0, 256, (6, rows, 3073), dtype=np.uint8)
    records[:, :, 0] %= 10
    contents = dict(zip(names, (batch.tobytes() for batch in records), strict=True))
    members = {f"cifar-10-batches-bin/{name}": content for name, content in contents.items()}
    archive = tarred(mirror / "cifar-10-binary.tar.gz", members)
    files = {n: in_archive(c, archive, f"cifar-10-batches-bin/{n}") for n, c in contents.items()}
    return fetched(tmp_path, variant(**files)), records


CIFAR = photos_small.Params(variant="cifar10", split=Split())


def test_cifar_10_s_binary_archive_is_read(tmp_path, mirror):
    raw, records = cifar(tmp_path, mirror)

    loaded = photos_small.load(raw, CIFAR, rng())

    assert np.array_equal(loaded.x[3, 1, 0], records[1, 1, 1025:1057])
    assert np.array_equal(loaded.y, records[:, :, 0].ravel())
    assert loaded.part.tolist() == [Part.FIT] * 10 + [Part.TEST] * 2


def test_a_broken_cifar_10_file_is_named(tmp_path, mirror):
    raw, _ = cifar(tmp_path, mirror)
    (raw / "data_batch_3.bin").write_bytes(b"\x01" * 3000)

    with pytest.raises(CifarError, match=r"data_batch_3\.bin"):
        photos_small.load(raw, CIFAR, rng())


def stl10(tmp_path, mirror):
    """Fetch a tiny STL-10: column-major images and labels in a tar.gz."""
    images = rng().integers(0, 256, (5, 3, 96, 96), dtype=np.uint8)
    contents = {
        "train_X.bin": images[:3].transpose(0, 1, 3, 2).tobytes(),
        "train_y.bin": bytes([1, 5, 10]),
        "test_X.bin": images[3:].transpose(0, 1, 3, 2).tobytes(),
        "test_y.bin": bytes([2, 3]),
    }
    members = {f"stl10_binary/{name}": content for name, content in contents.items()}
    archive = tarred(mirror / "stl10_binary.tar.gz", members)
    files = {n: in_archive(c, archive, f"stl10_binary/{n}") for n, c in contents.items()}
    return fetched(tmp_path, variant(**files)), images


STL10 = photos.Params(variant="stl10", split=Split())


def test_stl_10_s_binary_archive_is_read_upright(tmp_path, mirror):
    raw, images = stl10(tmp_path, mirror)

    loaded = photos.load(raw, STL10, rng())

    assert np.array_equal(loaded.x, images)
    assert loaded.y.tolist() == [0, 4, 9, 1, 2]
    assert loaded.part.tolist() == [Part.FIT] * 3 + [Part.TEST] * 2


@pytest.mark.parametrize(
    ("name", "content"), [("test_y.bin", bytes([2])), ("train_y.bin", bytes([0, 1, 2]))]
)
def test_a_broken_stl_10_file_is_refused(tmp_path, mirror, name, content):
    raw, _ = stl10(tmp_path, mirror)
    (raw / name).write_bytes(content)

    with pytest.raises(Stl10Error, match="label"):
        photos.load(raw, STL10, rng())


@pytest.mark.parametrize(
    ("module", "dataset", "chosen", "shape", "classes"),
    [
        (iris, "iris", "fisher", (150, 4), 3),
        (breast_cancer, "breast_cancer", "wisconsin", (569, 30), 2),
        (digits, "digits", "uci", (1797, 8, 8), 10),
    ],
)
def test_tables_have_their_rows_and_classes(packaged, module, dataset, chosen, shape, classes):
    block = {"variant": chosen, "split": {}} | ({} if dataset == "digits" else {"scaling": "none"})

    loaded = module.load(packaged(dataset, chosen), module.Params.model_validate(block), rng())

    assert loaded.x.shape == shape
    assert set(loaded.y.tolist()) == set(range(classes)) == set(range(len(loaded.classes)))


LETTERS = letters.Params(
    variant="rendered",
    split=Split(train=104, dev=52, test=52),
    dev_fonts=["cmti10"],
    test_fonts=["cmss10", "DejaVuSerif"],
    noise=0.1,
)


@pytest.fixture(scope="module")
def fonts(packaged):
    return packaged("letters", "rendered")


def test_no_font_of_test_or_dev_letters_is_in_train(fonts):
    splits, _, details = prepare.divide(letters.load(fonts, LETTERS, rng()), seed=0)

    found = {name: set(tensors["font"].tolist()) for name, tensors in splits.items()}
    for first, second in itertools.combinations(found.values(), 2):
        assert not first & second
    assert len(found["test"]) == 2
    assert details["balance"]["test"] == dict.fromkeys(letters.CLASSES, 2)


def test_every_letter_of_every_font_can_be_seen_in_both_cases(fonts):
    from stages.datasets._glyphs import _glyph

    paths = sorted(fonts.glob("*.ttf"))
    drawn = {path.stem: [_glyph(path, c) for c in "AaGgMmZz"] for path in paths}

    assert len(drawn) == 21
    for shapes in drawn.values():
        assert all(glyph.max() > 0.9 for glyph in shapes)
        assert all(not np.array_equal(a, b) for a, b in itertools.combinations(shapes, 2))


def test_letters_are_the_same_for_the_same_seed(fonts):
    first, again, other = (letters.load(fonts, LETTERS, rng(s)).x for s in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("held", [["no_such_font"], ["cmti10"]])
def test_an_unknown_font_or_one_in_two_splits_is_refused(fonts, held):
    with pytest.raises(GeneratedError, match="different fonts"):
        letters.load(fonts, LETTERS.model_copy(update={"test_fonts": held}), rng())


def test_generated_rows_must_be_the_same_number_for_every_class(photographs):
    settings = photos.Params(variant="crops", split=Split(train=15, dev=10, test=10))

    with pytest.raises(GeneratedError, match="multiple of 10"):
        photos.load(photographs, settings, rng())


CROPS = Split(train=600, dev=200, test=400)


def test_train_dev_and_test_crops_share_no_pixel(photographs):
    settings = photos.Params(variant="crops", split=CROPS)
    splits, _, _ = prepare.divide(photos.load(photographs, settings, rng()), seed=0)

    for number, file in enumerate(_crops.NAMES.values()):
        covered = {}
        for name, tensors in splits.items():
            mask = np.zeros(_crops.read(photographs / file).shape[:2], dtype=bool)
            for top, left, bottom, right in tensors["box"][tensors["y"] == number]:
                mask[top:bottom, left:right] = True
            covered[name] = mask
        for first, second in itertools.combinations(covered.values(), 2):
            assert first.any() and not (first & second).any()


def test_a_crop_is_what_its_box_says(photographs):
    split = Split(train=10, dev=10, test=10)
    loaded = photos.load(photographs, photos.Params(variant="crops", split=split), rng())
    small = photos_small.load(photographs, photos_small.Params(variant="crops", split=split), rng())
    top, left, bottom, right = loaded.extra["box"][0]
    picture = _crops.read(photographs / "astronaut.png")[top:bottom, left:right]

    assert np.array_equal(loaded.x[0], picture.transpose(2, 0, 1))
    assert small.x.shape == (30, 3, 32, 32)
    assert small.x[0, 0, 0, 0] == round(float(picture[:3, :3, 0].mean()))


def test_pictures_are_the_same_in_every_split(packaged):
    settings = pictures.Params(variant="scikit", names=["chelsea", "brick"], size=32)

    splits, _, _ = prepare.divide(
        pictures.load(packaged("pictures", "scikit"), settings, rng()), seed=0
    )

    assert splits["train"]["x"].shape == (2, 3, 32, 32)
    assert np.array_equal(splits["train"]["x"], splits["test"]["x"])


def test_an_unknown_picture_is_named(packaged):
    settings = pictures.Params(variant="scikit", names=["chelsae"], size=32)

    with pytest.raises(ParamsError, match="did you mean 'chelsea'"):
        pictures.load(packaged("pictures", "scikit"), settings, rng())


def probe(x_train, y_train, x_test, y_test):
    """Return a linear classifier's accuracy on values as they are."""
    flat = [x.reshape(len(x), -1) for x in (x_train, x_test)]
    return RidgeClassifier(alpha=100).fit(flat[0], y_train).score(flat[1], y_test)


def test_frozen_features_beat_pixels_and_random_features_do_not(photographs):
    split = Split(train=300, dev=10, test=200)
    settings = photos_mobilenet.Params(variant="crops+mobilenet_v2", scaling="none", split=split)
    images = photos.load(photographs, photos.Params(variant="crops", split=split), rng())
    trained = photos_mobilenet.load(photographs, settings, rng())
    random = _backbone.features(
        "mobilenet_v2", _backbone.random_weights("mobilenet_v2", 0), images.x
    )
    fit, test = images.part == Part.TRAIN, images.part == Part.TEST

    accuracy = {
        name: probe(x[fit], images.y[fit], x[test], images.y[test])
        for name, x in [("trained", trained.x), ("random", random), ("pixels", images.x / 255)]
    }

    assert np.array_equal(trained.y, images.y)
    assert accuracy["trained"] >= accuracy["pixels"] + 0.15
    assert accuracy["random"] < accuracy["pixels"] + 0.15


def test_weights_matched_by_position_carry_torchvision_s_names(photographs):
    weights = _backbone.read(photographs, "mobilenet_v2")

    assert len(weights) == 312
    assert weights["features.18.0.weight"].shape == (1280, 320, 1, 1)


def test_a_torchvision_weights_file_is_read_by_name(tmp_path):
    from torchvision.models import get_model

    state = get_model("squeezenet1_1", weights=None).state_dict()
    torch.save(state, tmp_path / "squeezenet1_1.pth")

    fixed = backbones.load(tmp_path, backbones.Params(variant="squeezenet1_1"), rng())

    assert len(fixed.tensors) == len(state)
    name = "features.0.weight"
    assert np.array_equal(fixed.tensors[f"squeezenet1_1/{name}"], state[name].numpy())


def test_weights_of_another_network_are_refused(tmp_path):
    from torchvision.models import get_model

    state = get_model("squeezenet1_0", weights=None).state_dict()
    torch.save(state, tmp_path / "squeezenet1_1.pth")

    with pytest.raises(_backbone.WeightsError, match=r"does not fit torchvision's squeezenet1_1"):
        _backbone.read(tmp_path, "squeezenet1_1")


def test_a_weights_file_that_runs_code_is_not_unpickled(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"a": Hostile()}, tmp_path / "squeezenet1_1.pth")

    with pytest.raises(Exception, match="weights_only"):
        _backbone.read(tmp_path, "squeezenet1_1")
    assert not (tmp_path / "ran").exists()
