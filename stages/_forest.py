"""Effects and intervals drawn as small SVG elements inside a page.

The shaded part of a claim's plot is where its interval must lie for the verdict "supported".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from stages._numbers import between, decimals, fixed, plain

WIDTH, HEIGHT, PAD = 340, 58, 14
TOP, MIDDLE, BOTTOM = 17, 29, 41
NEAR = 74


@dataclass(frozen=True)
class Scale:
    """A linear scale from values to the pixels between two pads."""

    low: float
    high: float
    width: float = WIDTH
    pad: float = PAD

    def __call__(self, value: float) -> float:
        """Return the x of a value, kept inside the drawing."""
        share = (value - self.low) / (self.high - self.low)
        x = self.pad + share * (self.width - 2 * self.pad)
        return round(min(max(x, 1), self.width - 1), 1)


def scale(values: Iterable[float | None], width: float = WIDTH, pad: float = PAD) -> Scale:
    """Return a scale that holds all the numbers given."""
    known = [value for value in values if value is not None and value == value]
    low, high = min(known, default=0.0), max(known, default=0.0)
    room = 0.08 * (high - low) or abs(high) or 1.0
    return Scale(low - room, high + room, width, pad)


def forest(claim: Mapping[str, Any], tone: str) -> Markup | None:
    """Draw a claim's effect and interval against zero and the margin; None without an effect."""
    effect, low, high = claim["effect"], claim["low"], claim["high"]
    if effect is None or claim["kind"] == "identity":
        return None
    bounds = _bounds(claim)
    to_x = scale([0, effect, low, high, *bounds])
    places = decimals(low, high, effect)
    label = f"Effect {fixed(effect, places)}, interval {between(low, high, places)}"
    if bounds:
        label += f", margin {plain(claim['margin'])}"
    parts = [
        *_region(claim, bounds, to_x),
        _line(0, MIDDLE, WIDTH, MIDDLE, "axis"),
        _line(to_x(0), TOP, to_x(0), BOTTOM, "zero"),
        _text(to_x(0), HEIGHT - 4, "0"),
        *_interval(effect, low, high, to_x),
    ]
    return _svg(f"forest {tone}", WIDTH, HEIGHT, label, parts)


def strip(
    mean: float, low: float | None, high: float | None, to_x: Scale, height: float = 14
) -> Markup:
    """Draw an arm's mean and interval for a table's cell."""
    middle, x = height / 2, to_x(mean)
    parts = []
    if low is not None and high is not None and low == low and high == high:
        parts.append(_line(to_x(low), middle, to_x(high), middle, "bar"))
    parts.append(Markup('<circle class="dot" cx="{}" cy="{}" r="3"/>').format(x, middle))
    return _svg("strip", to_x.width, height, "", parts)


def _bounds(claim: Mapping[str, Any]) -> list[float]:
    """Return the ends of the region in which the claim counts as supported."""
    margin = claim["margin"]
    if claim["kind"] != "claim" or margin is None:
        return []
    return [-margin, margin] if claim["direction"] == "within" else [margin]


def _region(claim: Mapping[str, Any], bounds: list[float], to_x: Scale) -> list[Markup]:
    if not bounds:
        return []
    left = to_x(bounds[0])
    right = to_x(bounds[1]) if len(bounds) == 2 else WIDTH
    rect = Markup('<rect class="region" x="{}" y="{}" width="{}" height="{}"/>')
    parts = [rect.format(left, TOP, round(right - left, 1), BOTTOM - TOP)]
    parts += [_line(to_x(bound), TOP - 3, to_x(bound), BOTTOM, "margin") for bound in bounds]
    margin = plain(claim["margin"])
    if len(bounds) == 1:
        return [*parts, _text(left, TOP - 6, f"margin {margin}")]
    if right - left < NEAR:
        return [*parts, _text((left + right) / 2, TOP - 6, f"margin ±{margin}")]
    ends = ((left, f"−{margin}"), (right, f"+{margin}"))
    return [*parts, *(_text(x, TOP - 6, text) for x, text in ends)]


def _interval(effect: float, low: float | None, high: float | None, to_x: Scale) -> list[Markup]:
    left = 1 if low is None else to_x(low)
    right = WIDTH - 1 if high is None else to_x(high)
    drawn = []
    if low is not None or high is not None:
        caps = [_line(x, MIDDLE - 6, x, MIDDLE + 6, "bar") for x in (left, right)]
        drawn = [_line(left, MIDDLE, right, MIDDLE, "bar"), *caps]
    dot = Markup('<circle class="dot" cx="{}" cy="{}" r="4"/>').format(to_x(effect), MIDDLE)
    return [*drawn, dot]


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    shape = Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>')
    return shape.format(kind, x1, y1, x2, y2)


def _text(x: float, y: float, text: str) -> Markup:
    """Centre a text on x, or align it with the edge that it would cross."""
    half = 3.2 * len(text)
    anchor = "start" if x < half else "end" if x > WIDTH - half else "middle"
    at = {"start": 1.0, "end": WIDTH - 1.0, "middle": x}[anchor]
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(at, y, anchor, text)


def _svg(kind: str, width: float, height: float, label: str, parts: list[Markup]) -> Markup:
    role = Markup('role="img" aria-label="{}"').format(label) if label else 'aria-hidden="true"'
    head = Markup('<svg class="{}" viewBox="0 0 {} {}" {}>').format(
        kind, width, height, Markup(role)
    )
    return head + Markup("").join(parts) + Markup("</svg>")
