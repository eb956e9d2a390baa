"""What a sync reports: counts, what waits, what went wrong, and never a password.

In: messages of MLflow and its stores. Out: one line each, for a terminal or a log.
"""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
LONGEST = 300


class LeftOutError(Exception):
    """A record that cannot be sent, although the store answers."""


@dataclass
class Outcome:
    """What one pass over the records did."""

    added: int = 0
    present: int = 0
    waiting: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    answered: bool = True

    def __str__(self) -> str:
        text = f"added {self.added} runs, {self.present} already there"
        if self.waiting:
            text += f", {len(self.waiting)} wait for files as recorded, such as {self.waiting[0]}"
            text += " (dvc pull brings them)"
        return text


def redact(text: str, uri: str = "") -> str:
    """Return the first line of a message, short, and without any password or token."""
    text = conceal(text.strip().partition("\n")[0], uri)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def conceal(text: str, uri: str = "") -> str:
    """Return a text with `***` for the passwords and tokens in it, those of `uri` included."""
    text = re.sub(r"://[^/\s]*@", "://***@", text)
    text = re.sub(r"(?i)((?:password|token|secret)=)[^&\s'\"]+", r"\1***", text)
    password = urlsplit(uri).password or ""
    for secret in (password, unquote(password), *(os.environ.get(name, "") for name in SECRETS)):
        text = text.replace(secret, "***") if secret else text
    return text
