"""What a sync reports: counts, what waits and what went wrong.

In: what happened to each record. Out: a line for a terminal.
"""

from dataclasses import dataclass, field


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
