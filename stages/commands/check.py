"""`make check`: the gate. Do the committed metrics lie in the bands of params.yaml?

In: params.yaml and reports/metrics. Out: a table of thresholds, and exit code 1 naming each breach.
It refuses metrics that other parameters made, and a failing identity is always a breach.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from stages import _digest, _entry, _files, _params
from stages._params import Params

METRICS = Path("reports/metrics")


class StaleMetrics(_entry.UserError):
    """Metrics that the present params.yaml did not make."""


@dataclass(frozen=True)
class Row:
    """One threshold beside what was measured."""

    experiment: str
    metric: str
    band: str
    measured: str
    passed: bool


def main() -> None:
    """Print the table; exit with 1 if a threshold is breached."""
    params = _params.load()
    if not any(experiment.thresholds for experiment in params.experiments.values()):
        print(f"Profile {params.profile!r} has no thresholds: nothing to check.")
        return
    rows = [row for name in params.experiments for row in check(params, name)]
    breaches = [row for row in rows if not row.passed]
    Console(width=None if sys.stdout.isatty() else 120).print(_table(rows))
    for row in breaches:
        print(
            f"BREACH: {row.experiment}: {row.metric} is {row.measured}, not {row.band}",
            file=sys.stderr,
        )
    print(f"{len(rows) - len(breaches)} of {len(rows)} thresholds hold.")
    sys.exit(1 if breaches else 0)


def check(params: Params, experiment: str) -> Iterator[Row]:
    """Yield a row per threshold of an experiment, and one per failing identity.

    Raises:
        StaleMetrics: the metrics are missing, or other parameters made them.
        ParamsError: a threshold names a metric that is not there.
    """
    thresholds = params.experiments[experiment].thresholds
    if not thresholds and not (METRICS / f"{experiment}.json").exists():
        return
    metrics = _current_metrics(params, experiment)
    for name, band in thresholds.items():
        measured = _lookup(metrics, experiment, name)
        yield Row(experiment, name, band.text(), _text(measured), band.holds(measured))
    for name, claim in metrics["claims"].items():
        if claim["verdict"] == "fails":
            yield Row(experiment, f"claims.{name}.verdict", "holds", "fails", False)


def _current_metrics(params: Params, experiment: str) -> dict[str, Any]:
    path = METRICS / f"{experiment}.json"
    if not path.exists():
        raise StaleMetrics(f"{path}: not there yet; `make run E={experiment}` makes it")
    metrics: dict[str, Any] = _files.read_json(path)
    wanted = _digest.params_hash(params.raw, experiment)
    if metrics["params_hash"] != wanted or metrics["profile"] != params.profile:
        raise StaleMetrics(
            f"{path}: made with other parameters (profile {metrics['profile']}, hash "
            f"{metrics['params_hash']}) than params.yaml has now (profile {params.profile}, hash "
            f"{wanted}); `make run E={experiment}` brings it up to date"
        )
    return metrics


def _lookup(metrics: dict[str, Any], experiment: str, name: str) -> Any:
    """Follow a dotted name such as headline.best_accuracy into the metrics."""
    found: Any = metrics
    for step in name.split("."):
        if not isinstance(found, dict) or step not in found:
            hint = _params.did_you_mean(step, found if isinstance(found, dict) else [])
            where = f"experiments.{experiment}.thresholds.{name}"
            raise _params.ParamsError(f"{where}: the metrics have no {step!r}{hint}")
        found = found[step]
    return found


def _text(measured: Any) -> str:
    return f"{measured:.4g}" if isinstance(measured, int | float) else str(measured)


def _table(rows: list[Row]) -> Table:
    table = Table("experiment", "metric", "band", "measured", "result", title="Thresholds")
    for row in rows:
        result = "[green]pass[/]" if row.passed else "[bold red]FAIL[/]"
        table.add_row(row.experiment, row.metric, row.band, row.measured, result)
    return table


if __name__ == "__main__":
    _entry.run(main)
