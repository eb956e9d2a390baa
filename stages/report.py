"""report@experiment: metrics, arms, curves, evaluated, records -> reports/pages/<experiment>/.

Out: page.html (whole in one file), each figure as SVG and PNG, card.json for the front page.
"""

import shutil
from pathlib import Path
from typing import Any

from stages import _entry, _figures, _files, _meanings, _pages, _results, _settings
from stages._pages import Drawn, Setting
from stages._records import recording
from stages._results import Results, Story

PAGES = Path("reports/pages")


def main(experiment: str) -> None:
    """Write the page of one experiment."""
    params = _settings.of_experiment(experiment)
    block = params.experiment(experiment)
    with recording("report", experiment) as record:
        results = _results.read(experiment, block.data.values())
        story = _results.story(experiment)
        folder = PAGES / experiment
        shutil.rmtree(folder, ignore_errors=True)
        write(folder, results, story, block.report)
        record.profile, record.params = params.profile, {"report": block.report.model_dump()}
        record.inputs, record.outputs = _results.paths(experiment), [folder]


def write(folder: Path, results: Results, story: Story, settings: Any) -> None:
    """Write the page, the figures and the card."""
    claims = [*results.claims, *story.timed(results, settings)]
    _results.match(results.name, story.statements, claims)
    figures = draw(folder, results, story, settings)
    compared = story.compared(results, settings)
    rows = {stage: decided(results, stage) for stage in ("train", "evaluate")}
    page = _pages.page(results, story, claims, figures, compared, rows)
    _files.write_text(folder / "page.html", page)
    _files.write_json(folder / "card.json", _pages.card(results, story, claims, figures))


def decided(results: Results, stage: str) -> list[Setting]:
    """Return the settings that decided a stage, and what they are."""
    return _meanings.settings(results.name, stage, results.records[stage]["params"])


def draw(folder: Path, results: Results, story: Story, settings: Any) -> list[Drawn]:
    """Draw and save the experiment's figures, one at a time."""
    with _figures.style():
        return [
            Drawn(figure.name, _figures.save(figure, folder), figure.caption, figure.alt)
            for figure in story.figures(results, settings)
        ]


if __name__ == "__main__":
    _entry.run(main)
