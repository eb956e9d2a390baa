"""site: cards, all metrics and what lies here of the data -> reports/index.html, data.html.

It asks for the experiments and datasets that params.yaml names and for no other, so that a removed
one cannot linger.
"""

from pathlib import Path
from typing import Any

from stages import _data_page, _entry, _files, _front, _params, _results
from stages._records import recording

PAGES = Path("reports/pages")
INDEX, DATA = Path("reports/index.html"), Path("reports/data.html")


def main() -> None:
    """Write the front page and the data page."""
    params = _params.load()
    with recording("site", "site") as record:
        cards = _read(params.experiments, PAGES, "/card.json")
        metrics = _read(cards, _results.METRICS, ".json")
        page = _front.front(params.profile, params.experiments, cards, metrics)
        variants = {name: block["variant"] for name, block in params.raw["datasets"].items()}
        found = {name: _data_page.read(name) for name in variants}
        _files.write_text(INDEX, page)
        _files.write_text(DATA, _data_page.page(params.profile, variants, found))
        record.profile = params.profile
        record.inputs = [PAGES / name / "card.json" for name in cards]
        record.inputs += [path for one in found.values() for path in one.read]
        record.outputs = [INDEX, DATA]


def _read(names: Any, folder: Path, ending: str) -> dict[str, Any]:
    """Read the files of these names that exist."""
    paths = {name: Path(f"{folder / name}{ending}") for name in names}
    return {name: _files.read_json(path) for name, path in paths.items() if path.exists()}


if __name__ == "__main__":
    _entry.run(main)
