"""The colours of pages and figures, in light and in dark: one table for both.

Figures are drawn in the light colours; in an SVG each becomes a CSS variable, so that a figure
follows the page it stands on.
"""

import re

COLOURS = {
    "paper": ("#fdfcfa", "#171614"),
    "panel": ("#f5f2ec", "#201e1b"),
    "ink": ("#1f1d1a", "#ece9e4"),
    "muted": ("#655f56", "#a8a197"),
    "rule": ("#e2ddd3", "#38352f"),
    "link": ("#07578f", "#86bbf7"),
    "plain": ("#837d73", "#8f887c"),
    "yes": ("#00675e", "#63d8c6"),
    "no": ("#a8321a", "#ff8f73"),
    "open": ("#785500", "#e3bb4c"),
    "c1": ("#07599b", "#74aef5"),
    "c2": ("#b5401b", "#ee6a45"),
    "c3": ("#00958c", "#62d7c5"),
    "c4": ("#4d2051", "#b184cf"),
    "c5": ("#c08700", "#dcae2e"),
    "c6": ("#801704", "#fbdcc8"),
}

_HEX = re.compile(r"#[0-9a-f]{6}\b")


def light(name: str) -> str:
    """Return a colour as it is drawn on white paper."""
    return COLOURS[name][0]


def css(selector: str = ":root") -> str:
    """Return the rules that give every colour its value in both schemes."""
    day, night = (
        "".join(f"--{name}:{pair[scheme]};" for name, pair in COLOURS.items()) for scheme in (0, 1)
    )
    return (
        f"{selector}{{color-scheme:light dark;{day}}}"
        f"@media (prefers-color-scheme:dark){{{selector}{{{night}}}}}"
    )


def themed(text: str) -> str:
    """Replace every known light colour by its variable, the light value as the fallback."""
    names = {pair[0]: name for name, pair in COLOURS.items()}

    def variable(match: re.Match[str]) -> str:
        colour = match.group()
        return f"var(--{names[colour]},{colour})" if colour in names else colour

    return _HEX.sub(variable, text)
