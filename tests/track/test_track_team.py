"""docs/tracking-server.md, carried out: a team's server holds all, for its members alone."""

import configparser
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from finished_repo import experiment, repository
from stores import ARMS, RUNS, Failing, call, contents, runs, sync
from team_server import Team, team

from stages.commands import _turns, track

pytestmark = [pytest.mark.server, pytest.mark.slow]
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


@pytest.fixture(scope="module")
def served() -> Iterator[Team]:
    """Set up a server with one member, and run it."""
    with team() as found:
        found.prepare()
        with found.serving():
            found.add("ada")
            yield found


@pytest.fixture
def ada(served: Team, repo: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Work as a member of the team, with the password in MLflow's own file."""
    place = repo / "home/.mlflow/credentials"
    place.parent.mkdir(parents=True)
    place.write_text(served.block("# ~/.mlflow/credentials", her=served.password["ada"]))
    monkeypatch.setenv("HOME", str(repo / "home"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", served.uri)
    return served


def test_the_teams_server_holds_what_the_default_store_holds(
    ada: Team, repo: Path, monkeypatch: pytest.MonkeyPatch
):
    assert call("sync").stdout.splitlines()[-1] == f"added {len(RUNS)} runs, 0 already there"
    assert call("sync").stdout.splitlines()[-1] == f"added 0 runs, {len(RUNS)} already there"

    on_server = contents()
    page = runs()["report@optimizers"].info
    assert page.artifact_uri.startswith("mlflow-artifacts:")
    kept = track.connect(track.store()).download_artifacts(page.run_id, "page/page.html")
    assert Path(kept).read_bytes() == Path("reports/pages/optimizers/page.html").read_bytes()
    assert list((ada.folder / "artifacts").rglob("page.html"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    sync()
    assert on_server == contents()


def test_only_members_and_only_the_servers_own_name_get_an_answer(served: Team):
    ada = ("ada", served.password["ada"])

    def ask(sign_in: Any = None, host: str = "") -> int:
        headers = {"Host": host} if host else {}
        return requests.get(served.uri + SEARCH, auth=sign_in, headers=headers).status_code

    assert [ask(), ask(("ada", "wrong")), ask(ada), ask(ada, "evil.example")] == [
        401, 401, 200, 403,
    ]  # fmt: skip


def test_a_member_replaces_what_anothers_killed_sync_left(
    ada: Team, repo: Path, monkeypatch: pytest.MonkeyPatch
):
    sync()
    experiment(repo, "shared", ARMS)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ada.password["admin"])
    connect = track.connect
    monkeypatch.setattr(track, "connect", lambda uri: Failing(connect(uri), 9))
    assert not sync().answered
    monkeypatch.setattr(track, "connect", connect)
    for name in ("USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}")

    assert sync().problems == []

    client = track.connect(track.store())
    place = client.get_experiment_by_name("shared").experiment_id
    found = [run.info.run_name for run in client.search_runs([place])]
    stages = [f"{stage}@shared" for stage in ("gather", "train", "evaluate", "report")]
    assert sorted(found) == sorted([*stages, *ARMS])


WAYS = ("address", "environment", "file")
NOBODY = "http://localhost:9"


@pytest.mark.parametrize("way", WAYS)
def test_a_password_is_nowhere_but_where_it_was_written(
    served: Team,
    repo: Path,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    """Search all that syncs leave: a good one, one with a wrong password, one without a server."""
    repository(repo, [f"arm by {way}"])
    experiment(repo, way, ARMS)
    monkeypatch.setattr(_turns, "LINGER", 0.0)
    right, wrong = served.password["ada"], "wr0ng-passw0rd"
    sign_in(repo, way, right, served.uri, monkeypatch)
    first = call("sync")
    for password, address in ((right, served.uri), (wrong, served.uri), (right, NOBODY)):
        sign_in(repo, way, password, address, monkeypatch)
        assert track.main(["sync"]) == track.main(["sync", "--background"]) == 0

    output = capfd.readouterr()
    said = first.stdout + first.stderr + output.out + output.err
    assert (first.returncode, said.count("warning: ")) == (0, 2)
    kept = served.run("pg_dump mlflow; cat server.log; grep -r . artifacts")
    assert f"arm by {way}" in kept
    for secret in (wrong, *served.password.values()):
        assert secret not in said + kept
        where = subprocess.run(["grep", "-rlF", secret, repo], capture_output=True, text=True)
        assert where.stdout.split() in ([], [str(repo / ".mlflow/credentials")])


def sign_in(
    home: Path, way: str, password: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    if way == "address":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address.replace("//", f"//ada:{password}@"))
    elif way == "environment":
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
    else:
        (home / ".mlflow").mkdir(exist_ok=True)
        stored = configparser.RawConfigParser()
        stored["mlflow"] = {
            "mlflow_tracking_username": "ada",
            "mlflow_tracking_password": password,
        }
        with (home / ".mlflow/credentials").open("w") as file:
            stored.write(file)


def test_the_databases_password_is_in_no_error_of_a_store_that_is_the_database(
    served: Team, repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    right = dict(
        line.split("=", 1)
        for line in (served.folder / "server.env").read_text().splitlines()
        if "=" in line
    )["MLFLOW_BACKEND_STORE_URI"]
    password = right.partition("mlflow:")[2].partition("@")[0]
    for wrong in (right.replace("@", "x@"), right.replace("localhost", "nowhere.invalid")):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", wrong)
        assert track.main(["sync"]) == 0
        track.main(["sync", "--background"])

    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 2
    text = said.out + said.err + Path(".work/sync.log").read_text()
    assert password not in text
    assert password[:16] not in text


def test_the_lines_for_backup_and_upgrade_work(served: Team):
    database = served.password["database"]

    served.run(served.block("pg_dump"), PGPASSWORD=database, MLFLOW_DISABLE_TELEMETRY="true")

    assert (served.folder / "mlflow.dump").stat().st_size > 10_000


def test_the_server_is_installed_with_the_projects_own_versions():
    root = Path(__file__).parents[2]
    pins = {line for line in (root / "requirements.lock").read_text().splitlines() if "==" in line}
    own = [line for line in (root / "requirements-server.lock").read_text().splitlines()
           if "==" in line]  # fmt: skip
    names = {pin.partition("==")[0] for pin in pins}

    assert {line for line in own if line.partition("==")[0] in names} <= pins
