"""No password or token in what is said or logged.

In: messages of MLflow and its stores, and the store's address. Out: the same with `***` in them.
Secrets are those of the address, of MLflow's environment variables and of its credentials file.
"""

import configparser
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

NAMES = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")
FILE = Path("~/.mlflow/credentials")
LONGEST = 300
SHAPES = (  # credentials of other addresses than the store's: (what to find, what stays of it)
    (r"://[^/\s]*@", "://***@"),
    (r"(?i)((?:password|token|secret)=)[^&\s'\"]+", r"\1***"),
    (r"(?i)((?:basic|bearer) )[\w+/=.~-]{8,}", r"\1***"),
)


def redact(text: str, uri: str = "") -> str:
    """Return the first line of a message, short and without secrets."""
    text = conceal(text.strip().partition("\n")[0], uri)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def conceal(text: str, uri: str = "") -> str:
    """Return a text with `***` for every secret in it, those of `uri` included."""
    found = {form for secret in _secrets(uri) for form in _forms(secret)} - {""}
    for form in sorted(found, key=len, reverse=True):
        text = text.replace(form, "***")
    for shape, rest in SHAPES:
        text = re.sub(shape, rest, text)
    return text


def check(uri: str) -> None:
    """Refuse an address whose password would be read as a part of its host or path (ValueError)."""
    if set("/?#@") & set(_credentials(uri)):
        raise ValueError(
            "the address has / ? # or @ before its last @: in a password write %2F %3F %23 %40"
        )


def _credentials(uri: str) -> str:
    """Return what stands between :// and the last @; a path there (sqlite:///...) has none."""
    rest = uri.partition("://")[2]
    return "" if rest.startswith("/") else rest.rpartition("@")[0]


def _secrets(uri: str) -> Iterator[str]:
    credentials = _credentials(uri)
    if ":" in credentials:  # a user's name alone is no secret
        yield from (credentials, credentials.partition(":")[2])
    yield from (os.environ.get(name, "") for name in NAMES)
    stored = configparser.RawConfigParser()
    try:
        stored.read(FILE.expanduser(), encoding="utf-8")
    except (OSError, RuntimeError, ValueError, configparser.Error):
        return
    for name in NAMES:
        yield stored.get("mlflow", name.lower(), fallback="")


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is and as addresses and Python's messages spell it."""
    plain = unquote(secret)
    yield from (secret, plain, quote(plain, safe=""), quote(plain), repr(plain)[1:-1])
