"""Train every arm and repeat of one experiment; the test split is not in reach.

In: data/inputs/<experiment>/fit, the blocks `data` and `train`. Out: data/trained/<experiment>.
"""

import importlib

from stages import _checkpoint, _device, _digest, _entry, _inputs, _profile, _settings, _trained
from stages._records import Record, recording
from stages._training import Trainer


def main(experiment: str) -> None:
    """Train one experiment."""
    _device.settle()
    params = _settings.of_experiment(experiment)
    block = params.experiment(experiment)
    module = importlib.import_module(f"stages.experiments.{experiment}.train")
    settings = _digest.training_settings(params.raw, experiment)
    source, target = _inputs.FOLDER / experiment / "fit", _trained.FOLDER / experiment
    scratch = _checkpoint.WORK / _checkpoint.key(settings, source)
    with recording("train", experiment) as record:
        inputs = _inputs.load(experiment, "fit")
        fit = Trainer(experiment, params.seed, scratch, params.plan)
        trained = module.train(block.train, inputs, params.seed, fit)
        about = {"settings": settings, "data": _inputs.describe(inputs), "arms": fit.arms}
        _trained.save(target, trained, about)
        record.profile, record.params = params.profile, settings
        record.inputs, record.outputs = [source], [target]
        _tell_cost(record, fit)
    _checkpoint.remove(scratch)


def _tell_cost(record: Record, fit: Trainer) -> None:
    """Sum up the sweeps; an experiment without networks has none."""
    kind = _device.device()
    record.device = _device.describe(kind)
    record.details |= {"sweeps": fit.sweeps} | ({"timings": fit.timings} if fit.timings else {})
    if traces := _profile.taken():
        record.details["traces"] = traces
    steps = sum(cost["model_steps"] for cost in fit.sweeps)
    seconds = sum(cost["seconds"] for cost in fit.sweeps)
    record.timing |= {
        "train_seconds": round(seconds, 3),
        "models": sum(cost["models"] for cost in fit.sweeps),
        "model_steps": steps,
        **_device.peak_memory_mb(kind),
    }
    if steps:
        record.timing["ms_per_model_step"] = round(1e3 * seconds / steps, 5)
        samples = sum(cost["samples"] for cost in fit.sweeps)
        record.timing["samples_per_second"] = round(samples / seconds)


if __name__ == "__main__":
    _entry.run(main)
