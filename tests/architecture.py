"""The project's rules as functions: a root folder goes in, the faults found in it come out."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

OBSERVERS = {
    "stages/_entry.py", "stages/_live.py", "stages/_params.py", "stages/_profile.py",
    "stages/_progress.py", "stages/_settings.py", "stages/_sync.py",
}  # fmt: skip
PURE_LIBRARY = {
    "__future__", "abc", "bisect", "collections", "contextlib", "copy", "dataclasses", "enum",
    "functools", "heapq", "inspect", "io", "itertools", "math", "operator", "queue", "threading",
    "traceback", "typing", "weakref", "multiprocessing", "pickle", "warnings",
}  # fmt: skip
IMPURE_NAMES = {"open", "print", "input", "exec", "eval"}
IMPURE_CALLS = {
    "torch.manual_seed", "torch.seed", "torch.cuda.is_available", "torch.save", "torch.load",
    "torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "torch.initial_seed",
}  # fmt: skip
NO_TORCH = ("fetch", "gather", "report", "site")


def stages_and_files(root: Path) -> list[str]:
    """Rule 1: the stages of dvc.yaml are the files stages/[a-z]*.py."""
    declared = set(_yaml(root / "dvc.yaml")["stages"])
    files = {path.stem for path in (root / "stages").glob("[a-z]*.py")}
    return _differences("stage of dvc.yaml", declared, "file of stages/", files)


def blocks_and_folders(root: Path) -> list[str]:
    """Rule 2: experiments are blocks and folders; each dataset's block has a file."""
    params = _yaml(root / "params.yaml")
    folders = {path.name for path in _folders(root / "stages/experiments")}
    files = {path.stem for path in (root / "stages/datasets").glob("[a-z]*.py")}
    faults = _differences("experiment block", set(params["experiments"]), "folder", folders)
    return faults + [f"dataset {d}: no file" for d in sorted(set(params["datasets"]) - files)]


def undeclared_code(root: Path) -> list[str]:
    """Rule 3: code that a stage reaches by import is among its deps; train never sees test."""
    faults = []
    for stage, key, deps in _stages(root):
        for file in sorted(_needed(root, stage, key) - OBSERVERS):
            free = _is_schema(file) or not (root / file).read_text(encoding="utf-8")
            if not free and not any(_within(file, dep) for dep in deps):
                faults.append(f"{stage}@{key}: {file} is not among its deps")
        if stage == "train" and any("/test" in dep or dep == "data/tensors" for dep in deps):
            faults.append(f"{stage}@{key}: the test split is among its deps")
    return faults


def needless_deps(root: Path) -> list[str]:
    """Rule 3, the other way: no stage declares a file of code that none of its keys reaches."""
    declared: dict[str, set[str]] = {}
    needed: dict[str, set[str]] = {}
    for stage, key, deps in _stages(root):
        declared.setdefault(stage, set()).update(dep for dep in deps if dep.endswith(".py"))
        needed.setdefault(stage, set()).update(_needed(root, stage, key))
    return [
        f"{stage}: {dep} is declared, not needed"
        for stage in declared
        for dep in sorted(declared[stage] - needed[stage])
    ]


def impurities(root: Path) -> list[str]:
    """Rule 4: sweep/ and models/ import torch, pure libraries, each other; no side effects."""
    faults = []
    for folder in ("sweep", "models"):
        for path in sorted((root / "stages" / folder).glob("*.py")):
            faults += [f"{path.relative_to(root)}: {fault}" for fault in _impure(path)]
    return faults


def wrong_imports(root: Path) -> list[str]:
    """Rule 5: one module imports mlflow; fetch, gather, report and site never import torch."""
    faults = []
    for path in sorted((root / "stages").rglob("*.py")):
        file = path.relative_to(root).as_posix()
        if "mlflow" in _top_level(path) and file != "stages/commands/_store.py":
            faults.append(f"{file} imports mlflow")
    for stage, key, _ in _stages(root):
        if stage in NO_TORCH:
            reached = _needed(root, stage, key)
            files = [file for file in sorted(reached) if "torch" in _top_level(root / file)]
            faults += [f"{stage}@{key} reaches torch by {file}" for file in files]
    return faults


def cross_imports(root: Path) -> list[str]:
    """No stage imports another stage."""
    stages = {f"stages/{path.name}" for path in (root / "stages").glob("[a-z]*.py")}
    faults = []
    for file in sorted(stages):
        others = _imported(root, root / file) & stages - {file}
        faults += [f"{file} imports {other}" for other in sorted(others)]
    return faults


def _stages(root: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield stage, key and code or data deps of every item of dvc.yaml."""
    params = _yaml(root / "params.yaml")
    for stage, block in _yaml(root / "dvc.yaml")["stages"].items():
        loop = block.get("foreach")
        keys = params["datasets" if loop == "${datasets}" else "experiments"] if loop else ["site"]
        for key in keys:
            deps = (block["do"] if loop else block)["deps"]
            yield stage, key, [dep.replace("${key}", key) for dep in deps]


def _needed(root: Path, stage: str, key: str) -> set[str]:
    """Return the files that a stage's process reaches by import, its part for `key` included."""
    start = [root / f"stages/{stage}.py"]
    own = [root / f"stages/experiments/{key}/{stage}.py", root / f"stages/datasets/{key}.py"]
    start += [path for path in own if path.exists() and (stage != "fetch")]
    return _closure(root, start)


def _closure(root: Path, start: Iterable[Path]) -> set[str]:
    waiting, reached = list(start), set()
    while waiting:
        path = waiting.pop()
        file = path.relative_to(root).as_posix()
        if file not in reached:
            reached.add(file)
            if file not in OBSERVERS and not _is_schema(file):
                waiting += [root / other for other in _imported(root, path)]
    return reached


def _imported(root: Path, path: Path) -> set[str]:
    """Return the project's files that one file names in its imports."""
    found = set()
    for module, name in _imports(path):
        for candidate in (f"{module}.{name}" if name else module, module):
            file = Path(*candidate.split(".")).with_suffix(".py")
            package = Path(*candidate.split("."), "__init__.py")
            for option in (file, package):
                if candidate.startswith("stages.") and (root / option).exists():
                    found.add(option.as_posix())
    return found


def _imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name or None) of every import statement of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def _top_level(path: Path) -> set[str]:
    return {module.partition(".")[0] for module, _ in _imports(path)}


def _impure(path: Path) -> Iterator[str]:
    """Yield what a file of sweep/ or models/ must not have."""
    allowed = PURE_LIBRARY | {"torch", "torchvision"}
    for module, _ in _imports(path):
        own = module.startswith(("stages.sweep", "stages.models"))
        if not own and module.partition(".")[0] not in allowed:
            yield f"imports {module}"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in IMPURE_NAMES | IMPURE_CALLS:
                yield f"calls {called}"


def _is_schema(file: str) -> bool:
    """Whether a file only describes a block of params.yaml (a test shows it has no numbers)."""
    return file.startswith("stages/experiments/") and file.endswith("/params.py")


def _within(file: str, dep: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


def _folders(path: Path) -> list[Path]:
    return [p for p in path.iterdir() if p.is_dir() and not p.name.startswith(("_", "."))]


def _differences(one: str, ones: set[str], other: str, others: set[str]) -> list[str]:
    lonely = [f"{one} {name}: no {other}" for name in sorted(ones - others)]
    return lonely + [f"{other} {name}: no {one}" for name in sorted(others - ones)]


def _yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)
