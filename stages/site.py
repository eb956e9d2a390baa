"""site: cards, all metrics, what lies here of the data -> reports/index.html, data.html.

Where there are results of the benchmark, their page as well -> reports/speed.html.
It asks for the experiments and datasets that params.yaml names and for no other, so that a removed
one cannot linger.
"""

from pathlib import Path
from typing import Any

from stages import _data_page, _entry, _files, _front, _params, _results, _speed_page
from stages._records import recording

PAGES = Path("reports/pages")
INDEX, DATA, SPEED = (Path(f"reports/{name}.html") for name in ("index", "data", "speed"))


def main() -> None:
    """Write the front page, the data page and the speed page."""
    params = _params.load()
    with recording("site", "site") as record:
        cards = _read(params.experiments, PAGES, "/card.json")
        metrics = _read(cards, _results.METRICS, ".json")
        speed = [SPEED] if _write_speed() else []
        page = _front.front(params.profile, params.experiments, cards, metrics, bool(speed))
        variants = {name: block["variant"] for name, block in params.raw["datasets"].items()}
        found = {name: _data_page.read(name) for name in variants}
        _files.write_text(INDEX, page)
        _files.write_text(DATA, _data_page.page(params.profile, variants, found))
        record.profile = params.profile
        record.inputs = [PAGES / name / "card.json" for name in cards]
        record.inputs += [path for one in found.values() for path in one.read]
        record.inputs += [_speed_page.RESULTS for _ in speed]
        record.outputs = [INDEX, DATA, *speed]


def _write_speed() -> bool:
    """Write the speed page if there is anything to show; no older one stays."""
    SPEED.unlink(missing_ok=True)
    there = _speed_page.RESULTS.exists()
    if there:
        _files.write_text(SPEED, _speed_page.page(_files.read_json(_speed_page.RESULTS)))
    return there


def _read(names: Any, folder: Path, ending: str) -> dict[str, Any]:
    """Read the files of these names that exist."""
    paths = {name: Path(f"{folder / name}{ending}") for name in names}
    return {name: _files.read_json(path) for name, path in paths.items() if path.exists()}


if __name__ == "__main__":
    _entry.run(main)
