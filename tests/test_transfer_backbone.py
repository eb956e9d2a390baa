"""Facts of the experiment on a pretrained backbone, and its own functions, on nets at random."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stages import _params, _stats
from stages._entry import UserError
from stages._inputs import Inputs, Split
from stages._trained import Trained
from stages._training import Trainer
from stages.datasets import _raw, _stl10, backbones
from stages.experiments.transfer_backbone import evaluate, train
from stages.experiments.transfer_backbone.params import Evaluate, Train
from stages.models import backbone, vgg
from stages.models.backbone import View
from stages.models.probe import Probe
from stages.samplers import few_labels
from stages.sweep import generator

SEED = 7


@pytest.fixture(scope="module")
def settings() -> Train:
    block: Train = _params.load().experiments["transfer_backbone"].train
    return block


@pytest.fixture(scope="module")
def claims() -> Evaluate:
    block: Evaluate = _params.load().experiments["transfer_backbone"].evaluate
    return block


def photos(rows: int, size: int = 96) -> torch.Tensor:
    shape = (rows, 3, size, size)
    return torch.randint(0, 256, shape, generator=generator(SEED), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("network", "size"), [("squeezenet1_1", 512), ("densenet121", 1024), ("resnet18", 512)]
)
def test_any_backbone_gives_features_by_its_name(network: str, size: int):
    body = backbone.headless(network, generator(SEED))

    features_NF = backbone.features(body, photos(3, 32), View())

    assert features_NF.shape == (3, size)
    assert features_NF.isfinite().all()


def test_initial_weights_come_from_the_generator_alone():
    before = torch.get_rng_state()
    one, same, other = (
        backbone.headless("squeezenet1_1", generator(seed)).state_dict() for seed in (1, 1, 2)
    )

    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["features.0.weight"], other["features.0.weight"])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_frozen_body_is_the_same_bits_before_and_after_and_training_mode_is_not():
    body = backbone.headless("resnet18", generator(SEED)).train()
    before = {name: value.clone() for name, value in body.state_dict().items()}
    backbone.features(body, photos(4, 32), View())

    assert not any(layer.training for layer in body.modules())
    assert all(torch.equal(value, before[name]) for name, value in body.state_dict().items())

    body.train()(View()(photos(4, 32)))
    assert not torch.equal(body.state_dict()["bn1.running_mean"], before["bn1.running_mean"])


def test_only_a_new_head_changes_when_a_frozen_net_is_trained():
    net = backbone.build("squeezenet1_1", generator(SEED))
    backbone.new_head(net, 4)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    whole = nn.Sequential(net)
    backbone.train_whole(
        whole, View()(photos(4, 32)), torch.arange(4), [torch.arange(4)] * 2, 0.01, 0.9, renew=False
    )
    changed = {n for n, value in net.state_dict().items() if not torch.equal(value, before[n])}

    assert changed == {"classifier.1.weight", "classifier.1.bias"}


def test_a_whole_net_begins_as_its_body_and_its_trained_head():
    weights = backbone.build("squeezenet1_1", generator(SEED)).state_dict()
    x_NF = backbone.features(
        backbone.load(backbone.headless("squeezenet1_1"), weights), photos(6, 32), View()
    )
    probe = Probe(x_NF, torch.arange(6) % 3, None)
    head = {
        "mean": probe.mean,
        "std": probe.std,
        "1.weight": torch.randn(3, 512, generator=generator(SEED)),
        "1.bias": torch.zeros(3),
    }
    net = backbone.whole("squeezenet1_1", weights, head).eval()
    by_hand = probe.task().x @ head["1.weight"].T

    torch.testing.assert_close(net(View()(photos(6, 32))), by_hand, rtol=1e-3, atol=1e-3)


def test_a_missing_weight_is_named():
    weights = backbone.build("squeezenet1_1").state_dict()
    del weights["features.0.bias"]

    with pytest.raises(ValueError, match=r"no weights for features\.0\.bias"):
        backbone.load(backbone.headless("squeezenet1_1"), weights)


def test_views_normalise_shrink_and_grey():
    x_NCHW = photos(2)
    none = backbone.look("none", 32, False, ([], []))(x_NCHW)
    own = backbone.own_statistics(x_NCHW)
    grey = backbone.look("none", 96, True, own)(x_NCHW)
    standard = backbone.look("own", 96, False, own)(x_NCHW)

    torch.testing.assert_close(none[0, 0, 0, 0], x_NCHW[0, 0, :3, :3].float().mean() / 255)
    assert torch.equal(grey[:, 0], grey[:, 2])
    torch.testing.assert_close(standard.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard.std((0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(View()(x_NCHW).mean().item(), 0.2, atol=0.1, rtol=0)


def test_few_labels_are_among_many_and_repeats_draw_their_own(settings: Train):
    y_N = np.arange(30) % 3
    one, other = (train.labelled(settings, y_N, SEED, repeat) for repeat in (0, 1))

    assert one.shape == (3, 10)
    assert (y_N[one] == np.arange(3)[:, None]).all()
    assert len(one.unique()) == 30
    assert not torch.equal(one, other)
    with pytest.raises(ValueError, match="a class has 10"):
        few_labels.draw(np.random.default_rng(SEED), y_N, 11)


def test_a_probe_standardises_features_that_hardly_differ():
    x_NF = 1e-6 + 1e-9 * torch.randn(20, 5, generator=generator(SEED))
    x_NF[:, 4] = 3.0
    task = Probe(x_NF, torch.arange(20) % 2, None).task()

    torch.testing.assert_close(task.x.std(0, correction=0)[:4], torch.ones(4), rtol=0.01, atol=0)
    assert (task.x[:, 4] == 0).all()


def test_all_heads_take_about_as_many_steps():
    for rows in (10, 50, 200, 500):
        epochs = train.epochs_for(300, rows, 25)
        assert 270 <= epochs * -(-rows // 25) <= 330


def test_the_paper_s_numbers_follow_from_the_table(claims: Evaluate):
    layers = claims.vgg.layers

    assert vgg.parameters(layers["D"]) == 138_357_544
    assert vgg.parameters(layers["C"]) == 133_638_952
    assert vgg.parameters(layers["A-LRN"]) == vgg.parameters(layers["A"])
    broken = claims.vgg.model_copy(update={"layers": {**layers, "B": layers["A"]}})
    assert _worst(evaluate.vgg_table(claims.vgg)) == 0
    assert _worst(evaluate.vgg_table(broken)) > 0


def test_the_check_of_heads_notices_a_net_that_is_not_frozen(
    claims: Evaluate, monkeypatch: pytest.MonkeyPatch
):
    assert evaluate.takes_new_head(claims, "squeezenet1_1")
    assert len(claims.families) == 13
    freeze = nn.Module.requires_grad_
    monkeypatch.setattr(nn.Module, "requires_grad_", lambda net, _: freeze(net, True))
    assert not evaluate.takes_new_head(claims, "squeezenet1_1")


def test_confusions_are_shares_of_a_class():
    guess_SR = np.array([[0, 1, 1], [0, 0, 1]])

    np.testing.assert_allclose(
        evaluate.confusion(guess_SR, np.array([0, 0, 1])), [[0.75, 0.25], [0, 1]]
    )


def test_more_repeats_take_longer(settings: Train):
    more = settings.model_copy(update={"repeats": 2 * settings.repeats})

    assert train.expected_seconds(more, {"photos": 600}) > train.expected_seconds(
        settings, {"photos": 600}
    )


def _worst(effect: evaluate.Effect) -> float:
    assert effect.measured is not None
    return effect.measured.interval(0.95).effect


TINY = {
    "backbone": "resnet18",
    "repeats": 2,
    "few": 1,
    "labels": [1],
    "views": {
        "imagenet": {"statistics": "imagenet", "size": 96, "grey": False},
        "own": {"statistics": "own", "size": 96, "grey": False},
        "none": {"statistics": "none", "size": 96, "grey": False},
        "px32": {"statistics": "imagenet", "size": 32, "grey": False},
    },
    "head": {"rate": 1e-3, "momentum": 0.9, "batch_size": 10, "steps": 3},
    "pixels": {"size": 16},
    "random": {"labels": [1]},
    "scratch": {
        "size": 16,
        "channels": [4, 8],
        "labels": [1],
        "rate": 1e-3,
        "rates_of_few": [1e-4, 1e-3, 1e-2],
        "batch_size": 10,
        "steps": 2,
    },
    "whole": {
        "rates": {"tuned": 1e-3, "afresh": 1e-2},
        "view": "px32",
        "labels": [1],
        "batch_size": 10,
        "epochs": 1,
    },
}


@pytest.fixture(scope="module")
def tiny() -> Train:
    return Train.model_validate(TINY)


@pytest.fixture(scope="module")
def stl10(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Return what an overlay with STL-10 and ResNet-18 has once their files were fetched."""
    raw: Path = tmp_path_factory.mktemp("raw")
    weights = backbone.build("resnet18", generator(SEED)).state_dict()
    torch.save(weights, raw / "resnet18.pth")
    for part, times in (("train", 2), ("test", 1)):
        photos(10 * times).numpy().tofile(raw / f"{part}_X.bin")
        (raw / f"{part}_y.bin").write_bytes(bytes([*range(1, 11)] * times))
    read = _stl10.load(raw, _raw.Split())
    fixed = backbones.load(raw, backbones.Params(variant="resnet18"), np.random.default_rng(SEED))
    body = backbone.headless("resnet18", generator(SEED))
    x_NF = backbone.features(body, torch.from_numpy(read.x), View()).numpy()
    parts = {"train": slice(0, 10), "dev": slice(10, 20), "test": slice(20, 30)}
    about = {"name": "photos", "variant": "stl10", "classes": list(read.classes)}
    features = {**about, "name": "photos_mobilenet", "variant": "stl10+resnet18"}
    none = np.empty(0)
    return {
        "photos": {name: Split(read.x[rows], read.y[rows], about) for name, rows in parts.items()},
        "features": {
            name: Split(x_NF[rows], read.y[rows], features) for name, rows in parts.items()
        },
        "weights": {
            name: Split(none, none, {"name": "backbones"}, fixed.tensors) for name in parts
        },
    }


def test_stl_10_and_resnet_18_run_through_the_same_code(
    tiny: Train, claims: Evaluate, stl10: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LECTURES_WORKERS", "1")
    fit = {role: {n: s for n, s in of.items() if n != "test"} for role, of in stl10.items()}
    test = {role: {"test": splits["test"]} for role, splits in stl10.items()}
    trained = train.train(tiny, fit, SEED, Trainer("tiny", SEED, tmp_path))
    fewer = claims.model_copy(update={"families": {"SqueezeNet": "squeezenet1_1"}})
    found = evaluate.evaluate(fewer, tiny, trained, test, SEED)

    assert set(found.effects) == set(claims.claims)
    assert found.rows["frozen imagenet@1", "accuracy"].shape == (2, 10)
    assert {"random@1", "pixels@1", "tuned@1", "afresh@1"} <= {arm for arm, _ in found.rows}
    assert found.arrays["confusion_CC"].shape == (10, 10)
    assert isinstance(
        found.effects["last_layer_is_enough"].measured.interval(0.95), _stats.Interval
    )


def test_a_backbone_that_the_features_are_not_of_is_refused(tiny: Train, stl10: Inputs):
    other = tiny.model_copy(update={"backbone": "resnet34"})

    with pytest.raises(UserError, match=r"'resnet34', but datasets\.photos_mobilenet\.variant"):
        train.check(other, stl10)


def test_more_labels_than_photos_are_refused(tiny: Train, stl10: Inputs):
    greedy = tiny.model_copy(update={"labels": [1, 2]})

    with pytest.raises(UserError, match="2 per class, but a class has 1"):
        train.check(greedy, stl10)


def test_where_heads_are_zeros_as_in_a_plan_no_whole_net_is_trained(tiny: Train, stl10: Inputs):
    zeros = Trained(weights={"frozen px32@1/1.weight": np.zeros((2, 10, 512), np.float32)})

    assert list(train.whole_nets(tiny, stl10, zeros, SEED)) == []
