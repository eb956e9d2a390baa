"""A copy of the project in a temporary folder, and one smoke run of its whole pipeline."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

with warnings.catch_warnings():  # torch.compile imports it, when warnings are errors already
    warnings.simplefilter("ignore")
    import setuptools._distutils.core  # noqa: F401

ROOT = Path(__file__).parent.parent
QUIET = {"LECTURES_SYNC": "off", "LECTURES_PROGRESS": "off"}


@dataclass(frozen=True)
class Project:
    """A copy of the project that tests may change.

    Attributes:
        root: its folder, a git repository with one commit.
    """

    root: Path

    def run(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run `python -m <words>` in it."""
        with self.start(*words, **environment) as process:
            stdout, stderr = process.communicate(timeout=600)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        """Start `python -m <words>` in it, in a process group of its own."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=self.root,
            env={**os.environ, **QUIET, "PATH": path, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def changed(self) -> set[str]:
        """Return the stages whose own inputs changed, by `dvc status`."""
        done = self.run("dvc", "status", "--json")
        assert done.returncode == 0, done.stderr
        return set(json.loads(done.stdout))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands in a file exactly once."""
        path = self.root / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def edit_block(self, experiment: str, old: str, new: str) -> None:
        """Replace a text where it first stands in an experiment's block of params.yaml."""
        path = self.root / "params.yaml"
        before, block, text = path.read_text().partition(f"\n  {experiment}:\n")
        assert old in text, f"{old!r} does not stand in {experiment}"
        path.write_text(before + block + text.replace(old, new, 1))

    def git(self, *words: str) -> None:
        """Run git, with an identity of its own."""
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *identity, *words], cwd=self.root, check=True, capture_output=True)


def copy_project(target: Path) -> Project:
    """Copy the files that git tracks, or would track, and commit them there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    project = Project(target)
    project.git("init", "--quiet", "--initial-branch=main")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message=copy")
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh copy of the project; no data in it."""
    return copy_project(tmp_path)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project after one run of the smoke profile, committed; leave it as it is."""
    project = copy_project(tmp_path_factory.mktemp("smoke"))
    for words in (("stages.commands.profile", "smoke"), ("stages.commands.repro",)):
        done = project.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message=smoke")
    return project


@pytest.fixture
def edited(smoke: Project) -> Iterator[Project]:
    """The project after the smoke run; what a test edits in params.yaml is put back."""
    params = smoke.root / "params.yaml"
    before = params.read_text()
    yield smoke
    params.write_text(before)
