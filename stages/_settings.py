"""A stage's own blocks of params.yaml, checked; a fault elsewhere does not stop it."""

from stages import _params


class DatasetParams(_params.Block):
    """What every dataset's block has: which variant of data/catalog.yaml it is."""

    variant: str


def of_dataset(key: str) -> tuple[_params.Params, DatasetParams]:
    """Return (parameters with this dataset alone, its block).

    Raises:
        ParamsError: params.yaml has no such dataset, or its block is wrong.
    """
    raw = _params.read()
    datasets = raw.get("datasets") or {}
    if key not in datasets:
        hint = _params.did_you_mean(key, datasets)
        raise _params.ParamsError(f"datasets: {key!r} is no dataset{hint}")
    alone = {**raw, "datasets": {key: datasets[key]}, "experiments": {}}
    params = _params.check(alone)
    settings = params.datasets[key]
    if not isinstance(settings, DatasetParams):
        raise TypeError(f"stages/datasets/{key}.py: Params must be a DatasetParams")
    return params, settings


def of_experiment(key: str) -> _params.Params:
    """Return the parameters with this experiment and its datasets alone.

    Raises:
        ParamsError: params.yaml has no such experiment, or one of these blocks is wrong.
    """
    raw = _params.read()
    try:
        block = raw["experiments"][key]
        used = {name: raw["datasets"][name] for name in (block["data"] or {}).values()}
    except (AttributeError, KeyError, TypeError):  # the whole check says what is wrong
        return _params.check(raw)
    return _params.check({**raw, "datasets": used, "experiments": {key: block}})
