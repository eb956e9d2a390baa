"""`make profile NAME=...`: put a profile's overlay onto params.yaml, comments kept.

In: params.yaml as committed, profiles/<name>.yaml (a value replaces, `null` removes a block).
Out: params.yaml with the profile's name as its label, and a list of what changed. `default` is
params.yaml as committed. It refuses to lose uncommitted edits; `--force` keeps them in a backup.
"""

import argparse
import io
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages import _entry, _files, _params
from stages._params import PARAMS, ParamsError

PROFILES = Path("profiles")
DEFAULT = "default"


def main(*arguments: str) -> None:
    """Apply the profile that the command line names."""
    parser = argparse.ArgumentParser(prog="make profile", description=__doc__.splitlines()[0])
    parser.add_argument("name", help="default, or the name of a file in profiles/")
    parser.add_argument("--force", action="store_true", help="back up uncommitted edits, go on")
    options = parser.parse_args(arguments)
    base = _committed()
    wanted = apply(base, options.name)
    _guard(base, options.force)
    changes = list(_changes(_params.read(), _plain(wanted)))
    _files.write_text(PARAMS, wanted)
    print("\n".join(changes) or "params.yaml was like that already.")
    print(f"params.yaml now holds the profile {options.name!r}.")


def apply(base: str, name: str) -> str:
    """Return the text of params.yaml under a profile, checked against the schemas.

    Raises:
        ParamsError: an unknown profile, a base that is not `default`, or an invalid result.
    """
    if name == DEFAULT:
        return base
    path = PROFILES / f"{name}.yaml"
    if not path.exists():
        known = [DEFAULT, *(p.stem for p in PROFILES.glob("*.yaml"))]
        raise ParamsError(f"{name!r} is no profile{_params.did_you_mean(name, known)}")
    yaml = _round_trip()
    document = yaml.load(base)
    if document.get("profile") != DEFAULT:
        raise ParamsError(
            f"the committed params.yaml holds the profile {document.get('profile')!r}; profiles "
            "go on top of the default one: check out a params.yaml with `profile: default` first"
        )
    for experiment in document["experiments"].values():
        experiment.ca.items.pop("thresholds", None)
        experiment["thresholds"] = {}  # they belong to the default profile
    _overlay(document, _patch(path), str(path))
    document["profile"] = name
    text = io.StringIO()
    yaml.dump(document, text)
    _params.check(_plain(text.getvalue()))
    return text.getvalue()


def _patch(path: Path) -> dict[str, Any]:
    """Read an overlay with its comments and its way of writing (ParamsError if it is not one)."""
    _params.read(path)
    patch: dict[str, Any] = _round_trip().load(path)
    return patch


def _overlay(target: Any, patch: dict[str, Any], where: str) -> None:
    for key, value in patch.items():
        if value is None:
            if key not in target:
                raise ParamsError(f"{where}.{key}: null removes a block that is not there")
            del target[key]
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            _overlay(target[key], value, f"{where}.{key}")
        else:
            target[key] = value


def _guard(base: str, force: bool) -> None:
    """Refuse to overwrite edits that neither git nor a profile can bring back."""
    current = PARAMS.read_text(encoding="utf-8")
    label = _params.read().get("profile")
    if current == base or (isinstance(label, str) and _is_profile(base, label, current)):
        return
    if not force:
        raise ParamsError(
            "params.yaml has uncommitted edits: commit them, or add FORCE=1 to keep them in a "
            "backup and go on"
        )
    backup = PARAMS.with_name(f"{PARAMS.name}.bak-{datetime.now():%Y%m%d-%H%M%S}")
    _files.write_text(backup, current)
    print(f"Your edits are kept in {backup}.")


def _is_profile(base: str, label: str, current: str) -> bool:
    try:
        return apply(base, label) == current
    except ParamsError:
        return False


def _changes(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Yield a line per value that was added (+), removed (-) or replaced."""
    for key in [*old, *(key for key in new if key not in old)]:
        path = f"{where}.{key}" if where else str(key)
        if key not in new:
            yield f"- {path}"
        elif key not in old:
            yield f"+ {path}: {new[key]}"
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            yield from _changes(old[key], new[key], path)
        elif old[key] != new[key]:
            yield f"  {path}: {old[key]} -> {new[key]}"


def _committed() -> str:
    """Return params.yaml as committed; outside git, as it lies here."""
    done = subprocess.run(["git", "show", f"HEAD:./{PARAMS}"], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else PARAMS.read_text(encoding="utf-8")


def _plain(text: str) -> dict[str, Any]:
    plain: dict[str, Any] = YAML(typ="safe").load(text)
    return plain


def _round_trip() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


if __name__ == "__main__":
    _entry.run(main)
