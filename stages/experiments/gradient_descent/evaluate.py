"""The statements about gradient descent, against autograd, finite differences, SciPy and chance.

Shapes: S starts or repeats, K restarts, T steps, F coordinates, N points, D dimensions.
"""

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from stages import _seeds
from stages._claims import Effect, errors, paired, rate
from stages._evaluation import Evaluated, join
from stages._inputs import Inputs
from stages._stats import proportion_interval
from stages._trained import Trained, numbers
from stages.experiments.gradient_descent import train as by_hand
from stages.experiments.gradient_descent.params import Evaluate, Flat, Local, Trade, Train
from stages.models import landscapes
from stages.models.landscapes import HILLY, LANDSCAPES, LINES, Landscape, curvature

COURSE_SLOPE = -1.07370  # of the surface along x at (1, 1)
FOUND = "found the lowest minimum"
Minima = dict[str, Tensor]  # landscape -> (S, F)


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Check the identities and test the claims; the parts share the minima alone."""
    lowest = {name: landscapes.minima(land) for name, land in LANDSCAPES.items()}
    return join(
        slopes(settings, seed),
        beside_minima(settings, train, trained, lowest),
        starts(settings, trained, lowest),
        schedules(settings, train, trained),
        dimensions(trained.weights["hessians/minimum"]),
        Evaluated({}, {}, arrays=by_hand.drawings(train, trained.weights)),
    )


def slopes(settings: Evaluate, seed: int) -> Evaluated:
    """Check the slopes by hand: their signs beside extrema, and their values anywhere."""
    signs = [fault for name in LINES for fault in landscapes.sign_faults(LANDSCAPES[name])]
    away = [error for land in LANDSCAPES.values() for error in slope_errors(land, settings, seed)]
    at_one = LANDSCAPES["surface"].slope(torch.ones(2, dtype=torch.float64))[0]
    return Evaluated(
        effects={
            "slope_changes_sign": Effect(
                errors(signs),
                "wrong signs",
                f"slopes left and right of each of the {len(signs) - 2 * len(LINES)} lowest and "
                "highest points of three curves in figure 2's range, found from values alone; and, "
                "one case for each curve and way, how often the slope changes its sign",
                "notes L56",
            ),
            "gradient_is_the_partials": Effect(
                errors([*away, float(at_one) - COURSE_SLOPE]),
                "difference of slopes",
                "the curves' slopes and the surface's two partial derivatives by hand against "
                "autograd's gradient and against differences of values, each at "
                f"{settings.points} random points (in [-2, 2], on the sine [-2π, 2π], on the "
                "surface [-3, 3]); and the surface's dz/dx at (1, 1) against the course's "
                f"{COURSE_SLOPE:.5f}",
                "notes L76",
            ),
        },
        headline={},
    )


def slope_errors(land: Landscape, settings: Evaluate, seed: int) -> list[float]:
    """Return slopes by hand minus those of autograd, and minus central differences of values."""
    rng = _seeds.numpy_generator(seed, 0, "data")
    x_NF = torch.from_numpy(rng.uniform(-land.extent, land.extent, (settings.points, land.axes)))
    auto_NF = land.slope(x_NF) - landscapes.autograd_slope(land, x_NF)
    central_NF = land.slope(x_NF) - landscapes.difference_slope(land, x_NF, settings.difference)
    return torch.cat([auto_NF, central_NF]).ravel().tolist()


def beside_minima(settings: Evaluate, train: Train, trained: Trained, lowest: Minima) -> Evaluated:
    """Check the speed beside minima, its limit, what rate and steps are worth, and flat places."""
    setup = settings.local
    shown_ST = trained.weights["shown parabola/path"][..., 0]
    every = [(LANDSCAPES[name], x_F) for name, x_SF in lowest.items() for x_F in x_SF]
    speed = [error for pair in every for error in speed_errors(*pair, train.rate, setup)]
    sides = [wrong for pair in every for wrong in side_errors(*pair, setup)]
    return Evaluated(
        effects={
            "ends_near_not_on": Effect(
                errors([*parabola_errors(train.rate, shown_ST), *speed]),
                "difference of positions, or of factors",
                f"{shown_ST.size} positions of figure 2's {len(shown_ST)} descents on the "
                "parabola against .5 + (start - .5)(1 - rate x curvature)^steps, and an error of "
                f"1 for each that ends on .5; {len(speed)} factors per step beside {len(every)} "
                f"minima, at rate {train.rate:g}, in {setup.steps} steps or until a thousandth of "
                "the distance is left, against 1 - rate x curvature, the curvature from autograd",
                "notes L69",
            ),
            "diverges_beyond_two_over_curvature": Effect(
                errors(sides),
                "paths that went the other way",
                f"{setup.steps} steps beside each of {len(every)} minima at rates of "
                f"{setup.multiples[0]:g} to {setup.multiples[-1]:g} / curvature: farther at the "
                "end if that is above 2, nearer if it is below",
                "ours",
            ),
            "rate_times_steps": exchange(settings.trade, train, trained, lowest),
            "flat_is_not_minimum": flat(settings.flat, train, lowest),
        },
        headline={"parabola_distance_at_the_end": float(np.abs(shown_ST[0, -1] - 0.5))},
    )


def parabola_errors(rate: float, path_ST: np.ndarray) -> list[float]:
    """Return positions minus the closed form, and whether the last one is on the minimum."""
    bend, _ = curvature(LANDSCAPES["parabola"], torch.tensor([0.5], dtype=torch.float64))
    factor_T = (1 - rate * bend) ** np.arange(path_ST.shape[1])
    error_ST = path_ST - (0.5 + (path_ST[:, :1] - 0.5) * factor_T)
    return [*error_ST.ravel(), *(path_ST[:, -1] == 0.5).astype(float)]


def speed_errors(land: Landscape, x_F: Tensor, rate: float, setup: Local) -> list[float]:
    """Return the factors by which steps change a small distance, minus 1 - rate x curvature."""
    bend, along_F = curvature(land, x_F)
    start_F = x_F + setup.offset * along_F
    path_TF = torch.stack([*by_hand.descend(land.slope, start_F, rate, setup.steps)])
    distance_T = (path_TF - x_F) @ along_F
    real = distance_T[:-1].abs() > 1e-3 * setup.offset
    return ((distance_T[1:] / distance_T[:-1])[real] - (1 - rate * bend)).tolist()


def side_errors(land: Landscape, x_F: Tensor, setup: Local) -> list[bool]:
    """Return whether a path beside a minimum goes away or comes nearer against the rule."""
    bend, along_F = curvature(land, x_F)
    wrong = []
    for multiple in setup.multiples:
        start_F = x_F + setup.offset * along_F
        last_F = by_hand.end(land.slope, start_F, multiple / bend, setup.steps)
        wrong.append(bool((last_F - x_F).norm() > setup.offset) != (multiple > 2))
    return wrong


def exchange(setup: Trade, train: Train, trained: Trained, lowest: Minima) -> Effect:
    """Check that log distance is a line in rate x steps at small rates, and is none at large."""
    counts, rate_S = by_hand.sweep_counts(train.sweep), by_hand.sweep_rates(train.sweep)
    x_SF = lowest["sine"]
    to = float(x_SF[(x_SF - train.sweep.start).abs().argmin()])
    slow = [line_fit(trained.weights["sweep/path"][..., 0] - to, rate_S, counts, setup)]
    fast: list[float] = []
    spans = ((setup.slow / 100, setup.slow, slow), (setup.fast[0], setup.fast[1], fast))
    for name in LINES:
        to, (bend, _) = float(lowest[name][0]), curvature(LANDSCAPES[name], lowest[name][0])
        for low, high, fits in spans:
            rate_S = torch.linspace(low / bend, high / bend, setup.rates, dtype=torch.float64)
            path_ST = by_hand.rate_paths(name, to + setup.distance, rate_S, counts[-1])[..., 0]
            fits.append(line_fit(path_ST.numpy() - to, rate_S, counts, setup))
    return Effect(
        errors([*(1 - r2 for r2 in slow), *(r2 >= setup.least_r2 for r2 in fast)]),
        "1 - R2 of log distance on rate x steps",
        f"rates of {setup.slow / 100:g} to {setup.slow:g} / curvature beside the leftmost minimum "
        "of each of three curves, and the course's grid on the sine; on the same curves, at rates "
        f"of {setup.fast[0]:g} to {setup.fast[1]:g} / curvature, an R2 of {setup.least_r2:g} is an "
        f"error of 1; always {len(counts)} numbers of steps, {counts[0]} to {counts[-1]}",
        "notes L78",
        note=f"at the large rates R2 is {min(fast):.2f} to {max(fast):.2f}",
    )


def line_fit(away_ST: np.ndarray, rate_S: Tensor, counts: np.ndarray, setup: Trade) -> float:
    """Return R2 of log distance on rate x steps, where the distance is no mere rounding."""
    distance_SN = np.abs(away_ST[:, counts])
    real = distance_SN > setup.least_distance
    product_SN = rate_S.numpy()[:, None] * counts
    return float(stats.linregress(product_SN[real], np.log(distance_SN[real])).rvalue ** 2)


def flat(setup: Flat, train: Train, lowest: Minima) -> Effect:
    """Check places of no slope: they are no minimum, and descent does not leave them."""
    angle_N = torch.arange(setup.angles, dtype=torch.float64) * (2 * torch.pi / setup.angles)
    ring_NF = setup.radius * torch.stack([angle_N.cos(), angle_N.sin()], -1)
    far_NF = torch.tensor(setup.far, dtype=torch.float64)[:, None]
    wrong = []
    for name, x_NF in {"surface": ring_NF, "sine": far_NF, "cosine": 0 * far_NF[:1]}.items():
        land = LANDSCAPES[name]
        last_NF = by_hand.end(land.slope, x_NF, train.rate, train.steps)
        wrong += (land.slope(x_NF).abs().amax(-1) >= setup.slope).tolist()
        wrong += (torch.cdist(x_NF, lowest[name]).amin(-1) <= setup.near).tolist()
        wrong += (~landscapes.lower_ground(land, x_NF, setup.near)).tolist()
        wrong += ((last_NF - x_NF).norm(dim=-1) >= setup.moved).tolist()
    return Effect(
        errors(wrong),
        "what is not as stated",
        f"{len(ring_NF)} places far out on the surface and {len(far_NF)} on the sine, and the "
        f"cosine's top, four cases each: slope below {setup.slope:g}, no minimum within "
        f"{setup.near:g}, lower ground within {setup.near:g}, and moved by less than "
        f"{setup.moved:g} in {train.steps} steps",
        "notes L58",
    )


def starts(settings: Evaluate, trained: Trained, lowest: Minima) -> Evaluated:
    """Compare where random starts end, and how often the best of several is the lowest minimum."""
    apart, gaps, trials = [], [], []
    arrays = {"restart counts": np.array(settings.restart_counts)}
    for name in HILLY:
        ends_SKF = torch.from_numpy(trained.weights[f"{name} random/end"])
        which_SK = torch.cdist(ends_SKF, lowest[name]).argmin(-1)
        apart.append((which_SK[:, 0] != which_SK[:, 1]).numpy())
        best_SK, share = best_found(name, settings, trained, lowest[name], "end")
        idle_SK, _ = best_found(name, settings, trained, lowest[name], "start")
        formula_K = 1 - (1 - share) ** arrays["restart counts"]
        gaps.append(best_SK - formula_K)
        arrays[f"{name} formula"] = formula_K
        for i, count in enumerate(settings.restart_counts):
            for way, found_SK in (("", best_SK), (", no descent", idle_SK)):
                arm = f"{name}, best of {count}{way}"
                trials.append(numbers(arm, FOUND, "test", found_SK[:, i]))
    each = dict(zip(HILLY, np.mean(apart, 1), strict=True))
    gap_LK = np.mean(gaps, 1)
    land, k = np.unravel_index(np.abs(gap_LK).argmax(), gap_LK.shape)
    return Evaluated(
        effects={
            "start_decides_minimum": Effect(
                paired(np.mean(apart, 0)),
                "share of pairs that end in different minima",
                "the first two of a repeat's random starts on the cosine, the sine and the surface "
                "(mean of the three)",
                "notes L70, 74",
                note=", ".join(f"{name} {share:.3f}" for name, share in each.items())
                + "; the cosine's two minima are equally low, so its pairs part between equals",
            ),
            "restarts_find_global": Effect(
                paired(np.mean(gaps, (0, 2))),
                "share of repeats that found the lowest minimum - 1 + (1 - p)^k",
                f"the lowest end of k random starts, k of {settings.restart_counts}, on three "
                "landscapes (mean of all); p from a regular grid of starts (figure 4)",
                "notes L73-74",
                note=f"the largest difference of one landscape and k is {gap_LK[land, k]:+.3f} "
                f"({HILLY[land]}, k = {settings.restart_counts[k]}); the starts are independent, "
                "so what could fail is the grid's p",
            ),
        },
        headline={"best_of_restarts_on_the_surface": float(best_SK[:, -1].mean())},
        trials=pd.concat(trials),
        arrays=arrays,
    )


def best_found(
    name: str, settings: Evaluate, trained: Trained, lowest_SF: Tensor, part: str
) -> tuple[np.ndarray, float]:
    """Return whether the lowest of the first k points is the lowest minimum, and a grid's share."""
    value = LANDSCAPES[name].value
    enough = float(value(lowest_SF).min()) + settings.found_within
    value_SK = value(torch.from_numpy(trained.weights[f"{name} random/{part}"]))
    grid_S = value(torch.from_numpy(trained.weights[f"{name} grid/{part}"]))
    best_SK = value_SK.cummin(-1).values[:, [count - 1 for count in settings.restart_counts]]
    return (best_SK <= enough).numpy().astype(float), float((grid_S <= enough).double().mean())


def schedules(settings: Evaluate, train: Train, trained: Trained) -> Evaluated:
    """Compare the orders of one set of rates, without noise and with it."""
    paths = {arm: trained.states(arm)["path"] for arm in by_hand.schedule_arms()}
    away = {arm: np.abs(path_ST[:, -1] - 0.5) for arm, path_ST in paths.items()}
    gain_S = np.log(away["reversed, noise"] / away["decay, noise"])
    start_S = np.abs(paths["decay"][:, 0] - 0.5)
    far = start_S > settings.least_start_distance
    quiet = {arm: away[arm][far] for arm in away if by_hand.NOISE not in arm}
    return Evaluated(
        effects={
            "schedule_order_is_irrelevant_without_noise": Effect(
                errors(order_errors(start_S[far], quiet, train)),
                "relative difference of distances",
                "distance to the parabola's minimum by falling, rising and shuffled rates, against "
                "that of the start x product of (1 - rate x curvature); an error of 1 where the "
                f"mean rate all the time ends as near; from the {far.sum()} of {far.size} starts "
                f"that are farther than {settings.least_start_distance:g} from it",
                "ours",
            ),
            "decay_beats_reversed_with_noise": Effect(
                paired(gain_S),
                "ln(distance to the minimum after the last step)",
                "rising minus falling rates in each repeat, which share start and noise (of "
                f"deviation {train.schedules.noise:g} on every slope)",
                "ours",
            ),
        },
        headline={"noisy_distance_reversed_to_decay": float(np.exp(gain_S.mean()))},
        trials=pd.concat(numbers(arm, by_hand.DISTANCE, "test", away[arm]) for arm in away),
    )


def order_errors(start_S: np.ndarray, away: dict[str, np.ndarray], train: Train) -> list[float]:
    """Return distances over those of the product of factors, minus 1, and whether fixed is best."""
    bend, _ = curvature(LANDSCAPES["parabola"], torch.tensor([0.5], dtype=torch.float64))
    product = float((1 - bend * by_hand.schedule_rates(train.schedules)).prod())
    orders = [away[arm] / (start_S * product) - 1 for arm in ("decay", "reversed", "shuffled")]
    return [*np.concatenate(orders), *(away["fixed"] <= away["decay"])]


def dimensions(minimum_SD: np.ndarray) -> Evaluated:
    """Count how many minima of d - 1 dimensions are none in d, at the d where it is fewest."""
    S, D = minimum_SD.shape
    worst = int(np.argmax(minimum_SD[:, 1:].sum(0) / minimum_SD[:, :-1].sum(0)))
    intervals = [proportion_interval(int(count), S) for count in minimum_SD.sum(0)]
    return Evaluated(
        effects={
            "minima_rarer_in_high_dimension": Effect(
                rate(~minimum_SD[:, worst + 1], where=minimum_SD[:, worst]),
                f"share of minima at d = {worst + 1} that are none at d = {worst + 2}",
                f"random symmetric Hessians, where one dimension more (up to {D}) removes least",
                "notes L71-72",
                note=f"repeats are the {intervals[worst].effect * S:.0f} of {S} Hessians that are "
                f"minima at d = {worst + 1}",
            )
        },
        headline={f"share_of_minima_in_{D}_dimensions": intervals[-1].effect},
        arrays={"minima": np.array([(i.effect, i.low, i.high) for i in intervals])},
    )
