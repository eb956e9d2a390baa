"""site: the pages' cards and all metrics -> reports/index.html.

It asks for the experiments that params.yaml names and for no other, so that the page of a removed
experiment cannot linger.
"""

from pathlib import Path
from typing import Any

from stages import _entry, _files, _front, _params, _results
from stages._records import recording

PAGES, INDEX = Path("reports/pages"), Path("reports/index.html")


def main() -> None:
    """Write the front page."""
    params = _params.load()
    with recording("site", "site") as record:
        cards = _read(params.experiments, PAGES, "/card.json")
        metrics = _read(cards, _results.METRICS, ".json")
        page = _front.front(params.profile, params.experiments, cards, metrics)
        _files.write_text(INDEX, page)
        record.profile = params.profile
        record.inputs = [PAGES / name / "card.json" for name in cards]
        record.outputs = [INDEX]


def _read(names: Any, folder: Path, ending: str) -> dict[str, Any]:
    """Read the files of these names that exist."""
    paths = {name: Path(f"{folder / name}{ending}") for name in names}
    return {name: _files.read_json(path) for name, path in paths.items() if path.exists()}


if __name__ == "__main__":
    _entry.run(main)
