"""The pipeline. Its commands need the project's own Python; another one is told so in a line."""

from importlib.util import find_spec

if not all(map(find_spec, ("pydantic", "safetensors", "torch"))):
    raise SystemExit(
        "ERROR: this Python lacks the project's packages: run `source .venv/bin/activate` first "
        "(`make setup` creates .venv), or use `make`, which needs no activation"
    )
