"""Numbers as a reader wants them: as many digits as the uncertainty allows, true minus signs."""

import math

MISSING = "–"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def missing(x: float | None) -> bool:
    """Tell whether there is no number: None or NaN."""
    return x is None or math.isnan(x)


def plain(x: float | None, digits: int = 3) -> str:
    """Write a number with so many significant digits."""
    if x is None or math.isnan(x):
        return MISSING
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x != 0 and not 1e-3 <= abs(x) < 1e6:
        mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}".replace("-", "−")
    if abs(x) >= 10**digits or float(x).is_integer():
        return count(round(x))
    return f"{x:.{digits}g}".replace("-", "−")


def decimals(low: float | None, high: float | None, value: float | None = None) -> int | None:
    """Return the decimals that show an interval's half width with two significant digits.

    Without an interval the value gets three significant digits. None: better as a power of ten.
    """
    half = (high - low) / 2 if low is not None and high is not None else math.nan
    size, digits = (half, 2) if half > 0 and math.isfinite(half) else (abs(value or 0.0), 3)
    if not math.isfinite(size) or size == 0:
        return 3
    needed = digits - 1 - math.floor(math.log10(size))
    if needed > 6 and max(abs(low or 0.0), abs(high or 0.0)) >= 1e-3:
        return 6  # a narrow interval about a number of ordinary size
    return None if needed > 6 or needed < -6 else max(needed, 0)


def apart(margin: float | None, places: int | None, *limits: float | None) -> int | None:
    """Return as many more decimals as keep limits from looking like a margin they do not equal."""
    if margin is None or places is None:
        return places
    near = [x for x in limits if x is not None and x != margin and abs(x - margin) > 1e-6]
    while places < 6 and any(round(x, places) == round(margin, places) for x in near):
        places += 1
    return places


def fixed(x: float | None, places: int | None, sign: bool = False) -> str:
    """Write a number with so many decimals (`plain` where that is None)."""
    if x is None or math.isnan(x):
        return MISSING
    if places is None or math.isinf(x):
        return plain(x)
    rounded = round(x, places) + 0.0  # no minus zero
    text = f"{rounded:{'+' if sign and rounded else ''},.{places}f}"
    return text.replace("-", "−").replace(",", "\u202f")


def between(low: float | None, high: float | None, places: int | None) -> str:
    """Write an interval; a missing end is open."""
    if missing(low) and missing(high):
        return MISSING
    if missing(low):
        return f"up to {fixed(high, places)}"
    if missing(high):
        return f"{fixed(low, places)} or more"
    return f"{fixed(low, places)} to {fixed(high, places)}"


def count(n: int) -> str:
    """Write a whole number, thousands apart."""
    return f"{n:,}".replace(",", "\u202f").replace("-", "−")


def observations(repeats: int, rows: int) -> str:
    """Say what an interval ranges over: 10 repeats, or 10 × 1 000, repeats and test rows."""
    return count(repeats) + (f" × {count(rows)}" if rows else "")


def counted(n: int, noun: str) -> str:
    """Write a number of things: 1 thread, 2 threads."""
    return f"{count(n)} {noun}" if n == 1 else f"{count(n)} {noun}s"


def percent(fraction: float) -> str:
    """Write a level such as .9929 as 99.3 %."""
    return f"{100 * fraction:.3g}\u202f%"


def duration(seconds: float | None) -> str:
    """Write a duration."""
    if seconds is None or math.isnan(seconds):
        return MISSING
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.0f} µs"
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
