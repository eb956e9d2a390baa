"""Facts of the transfer from autoencoders, its nets and its own functions, on images of noise."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from stages import _params
from stages._claims import ClaimSettings, decide
from stages._inputs import Split
from stages._trained import Trained
from stages._training import Trainer, streams
from stages.commands._dry import DryFit
from stages.experiments.transfer_autoencoder import evaluate, train
from stages.experiments.transfer_autoencoder.params import Labels, Train
from stages.models import autoencoder
from stages.models.autoencoder import Design
from stages.sweep import generator

SEED = 7
COURSE = Design((1, 16, 32), 28, "leaky_relu")
COPY = {"copy": ClaimSettings(kind="identity", tolerance=1e-6)}


@pytest.fixture(scope="module")
def settings() -> Train:
    """The experiment's settings with two repeats and few steps."""
    block: Train = _params.load().experiments["transfer_autoencoder"].train
    few = [Labels(number=20, epochs=2, others=True), Labels(number=None, epochs=1, others=True)]
    return block.model_copy(
        update={
            "repeats": 2,
            "pixels": 7,
            "autoencoder": block.autoencoder.model_copy(update={"epochs": 1}),
            "classifier": block.classifier.model_copy(update={"labels": few}),
        }
    )


@pytest.fixture(scope="module")
def images() -> dict[str, Split]:
    """Sixty images of noise for training, twenty for dev and as many for testing."""
    return {"train": noise(60), "dev": noise(20), "test": noise(20)}


@pytest.fixture(scope="module")
def trained(
    settings: Train, images: dict[str, Split], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """Autoencoders and classifiers of every arm."""
    fit = Trainer("test", SEED, tmp_path_factory.mktemp("scratch"))
    return train.train(settings, {"images": images}, SEED, fit)


def noise(number: int) -> Split:
    rng = np.random.default_rng(number)
    x = rng.integers(0, 256, (number, 14, 14)).astype(np.uint8)
    meta = {"classes": list("abcdefghij"), "scaling": {"kind": "divide", "by": 255}}
    return Split(x, np.arange(number) % 10, meta)


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_the_nets_have_the_sizes_of_the_course():
    pooled = Design((1, 6, 4), 91, "relu", pooled=True)

    assert parameters(autoencoder.classifier(COURSE, (50, 10), generator(SEED))) == 83760
    assert (COURSE.sides, COURSE.code) == ([28, 14, 7], 1568)
    assert parameters(autoencoder.autoencoder(pooled, generator(SEED))) == 557
    assert pooled.sides == [91, 45, 22]


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("units", [None, 1])
@pytest.mark.parametrize("side", [14, 15, 28, 91])
def test_an_autoencoder_returns_images_of_the_same_shape(
    side: int, units: int | None, pooled: bool
):
    design = Design((2, 3, 4), side, "relu", pooled, units)
    x_NCHW = torch.zeros(2, 2, side, side)
    net = autoencoder.autoencoder(design, generator(SEED))

    assert net(x_NCHW).shape == x_NCHW.shape
    assert net[0](x_NCHW).flatten(1).shape == (2, design.code)


def test_its_outputs_are_linear_and_may_be_below_zero():
    net = autoencoder.autoencoder(Design((1, 4), 8, "relu"), generator(SEED))

    assert float(net(torch.rand(50, 1, 8, 8, generator=generator(SEED))).min().detach()) < 0


def test_initial_weights_are_torchs_draw_from_the_generator_alone():
    before = torch.get_rng_state()
    ours = autoencoder.autoencoder(Design((8, 64), 8, "relu"), generator(SEED))
    assert torch.equal(torch.get_rng_state(), before)

    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        for layer, theirs in (
            (ours[0][0], nn.Conv2d(8, 64, 3)),
            (ours[1][0], nn.ConvTranspose2d(64, 8, 3)),
        ):
            for mine, reference in zip(layer.parameters(), theirs.parameters(), strict=True):
                bound = float(reference.detach().abs().max())
                assert float(mine.detach().abs().max()) == pytest.approx(bound, rel=0.25)


def test_a_given_encoder_replaces_the_initial_one_and_leaves_the_head_as_it_is():
    other = autoencoder.autoencoder(COURSE, generator(SEED + 1)).state_dict()
    start = autoencoder.encoder_state(other)
    build = partial(autoencoder.classifier, COURSE, (5, 3), start=start)
    plain = autoencoder.classifier(COURSE, (5, 3), generator(SEED)).state_dict()
    given = pickle.loads(pickle.dumps(build))(generator(SEED)).state_dict()

    for name, value in given.items():
        inside = name.startswith(autoencoder.ENCODER)
        torch.testing.assert_close(value, start[name] if inside else plain[name], rtol=0, atol=0)


def test_training_a_net_leaves_the_weights_that_it_started_from_alone():
    start = autoencoder.encoder_state(
        autoencoder.autoencoder(COURSE, generator(SEED + 1)).state_dict()
    )
    net = autoencoder.classifier(COURSE, (5, 3), generator(SEED), start)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()

    assert all(bool(value.any()) for value in start.values())


def test_half_an_encoder_is_refused():
    start = {"0.0.weight": torch.zeros(16, 1, 3, 3)}

    with pytest.raises(RuntimeError, match=r"2\.weight"):
        autoencoder.classifier(COURSE, (5, 3), generator(SEED), start)


def test_labelled_images_are_as_many_of_every_class_and_few_lie_among_many(
    settings: Train, images: dict[str, Split]
):
    def chosen(number: int | None, repeat: int) -> torch.Tensor:
        labels = Labels(number=number, epochs=1, others=True)
        task = train.labelled(settings, images, labels, SEED, repeat)
        if number is not None:
            assert task.y.bincount().tolist() == [number // 10] * 10
        return task.x.flatten(1)

    few, more, other = chosen(20, 0), chosen(40, 0), chosen(20, 1)

    assert len(torch.cat([few, more]).unique(dim=0)) == 40
    assert len(torch.cat([few, other]).unique(dim=0)) > 20
    assert len(chosen(None, 0)) == 60


def test_arms_of_a_repeat_share_their_images_and_the_initial_head(
    settings: Train, images: dict[str, Split], trained: Trained
):
    coders = train.encoders(settings, trained)
    runs = [r for r in train.classifier_runs(settings, images, coders, SEED) if r.repeat == 1]
    few = [r for r in runs if r.arm.startswith("good") and r.arm.endswith("20 labels")]
    heads = [r.build(generator(SEED)).state_dict()["1.1.weight"] for r in few]

    assert len(few) == 3
    assert len({id(r.task) for r in few}) == 1
    assert all(torch.equal(heads[0], head) for head in heads)


def test_an_untrained_copy_is_not_the_encoder_that_the_classifier_has_anyway(settings: Train):
    copy = train.untrained(settings, train.GOOD, SEED, 0)
    build = train.classifier(settings, train.GOOD, 10, None)
    own = build(generator(streams(SEED, 0).init)).state_dict()

    assert not any(torch.equal(value, own[name]) for name, value in copy.items())


def test_a_pretrained_classifier_starts_from_the_trained_encoder(
    settings: Train, images: dict[str, Split], trained: Trained
):
    effect = evaluate.copies(settings, trained, images["test"], SEED, 20)

    assert decide(COPY, {"copy": effect})[0]["verdict"] == "holds"


def test_the_copy_of_an_untrained_net_is_found_though_the_notebooks_check_passes(
    settings: Train,
    images: dict[str, Split],
    trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
):
    def mistaken(
        settings: Train, name: str, start: str, trained: train.States, seed: int, repeat: int
    ) -> train.State:
        return train.untrained(settings, name, seed, repeat)

    monkeypatch.setattr(train, "start_of", mistaken)
    source = train.untrained(settings, train.GOOD, SEED, 0)
    build = train.classifier(settings, train.GOOD, 10, source)
    copied = build(generator(SEED)).state_dict()
    effect = evaluate.copies(settings, trained, images["test"], SEED, 20)

    assert sum(float((copied[name] - source[name]).abs().sum()) for name in source) == 0
    assert decide(COPY, {"copy": effect})[0]["verdict"] == "fails"


@pytest.mark.parametrize(("recovered", "verdict"), [(0.02, "supported"), (0.2, "contradicted")])
def test_a_bad_design_is_rescued_if_it_makes_up_for_more_than_its_share(
    recovered: float, verdict: str
):
    rng = np.random.default_rng(SEED)
    rates = {
        train.arm(train.GOOD, train.SCRATCH, 20): 0.9,
        train.arm(train.ONE_UNIT, train.SCRATCH, 20): 0.5,
        train.arm(train.ONE_UNIT, train.PRETRAINED, 20): 0.5 + recovered,
    }
    right = {arm: (rng.random((10, 2000)) < p).astype(np.float32) for arm, p in rates.items()}
    claim = ClaimSettings(kind="claim", direction="greater", margin=0.0, reason="any")
    effect = evaluate.rescue(right, train.ONE_UNIT, 20, 0.25)

    assert decide({"c": claim}, {"c": effect})[0]["verdict"] == verdict


def test_the_mean_image_explains_nothing_and_the_image_itself_all(
    settings: Train, images: dict[str, Split], trained: Trained, monkeypatch: pytest.MonkeyPatch
):
    x_R, _ = train.rows(settings, images["test"])
    for answer, share in ((x_R.mean(0).expand_as(x_R), 0.0), (x_R, 1.0)):
        monkeypatch.setattr(evaluate, "reconstructed", lambda *_, answer=answer: answer[None])
        found = evaluate.reconstruction(settings, trained, images["test"])
        assert float(found[train.GOOD, evaluate.EXPLAINED]) == pytest.approx(share, abs=1e-6)


def test_a_sweep_can_be_planned_without_training(settings: Train, images: dict[str, Split]):
    fit = DryFit(SEED, "auto")
    train.train(settings, {"images": images}, SEED, fit)

    assert [len(plan.groups) for plan in fit.plans] == [3, 6]


def test_the_expected_time_grows_with_the_repeats(settings: Train):
    more = settings.model_copy(update={"repeats": 2 * settings.repeats})
    seconds = train.expected_seconds(settings, {"images": 600})

    assert train.expected_seconds(more, {"images": 600}) == pytest.approx(2 * seconds)
