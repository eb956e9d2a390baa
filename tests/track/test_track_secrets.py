"""Passwords and tokens never stand in what is said or logged."""

import base64
from pathlib import Path

import pytest
from stores import call

from stages.commands import _secrets, track

SECRET = "s3cr%t-Ünï'\\"
QUOTED = "s3cr%25t-%C3%9Cn%C3%AF%27%5C"


@pytest.mark.parametrize(
    "text",
    [
        f"refused by http://ada:{QUOTED}@host:5000/api",
        f"connect(password={SECRET!r}) failed",
        f"no user ada with {SECRET}",
        f"no such host: {QUOTED}",
        f"ada:{SECRET}",
    ],
)
def test_the_password_of_an_address_is_concealed_however_it_is_spelt(text: str):
    shown = _secrets.conceal(text, f"http://ada:{QUOTED}@host:5000")

    assert "s3cr" not in shown
    assert "***" in shown


def test_the_rest_of_a_message_stays_as_it_is():
    text = "MLflow at http://host:5000 failed: 404 at /api/2.0/mlflow/train@optimizers"

    assert _secrets.redact(text, "http://host:5000") == text
    assert _secrets.conceal(text, "postgresql://mlflow@host/mlflow") == text


@pytest.mark.parametrize("name", _secrets.NAMES)
def test_the_secrets_of_the_environment_are_concealed(name: str, monkeypatch):
    monkeypatch.setenv(name, SECRET)

    assert _secrets.conceal(f"sent {SECRET}!") == "sent ***!"


def test_the_secrets_of_mlflows_own_file_are_concealed(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow/credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = in-a-file\n"
    )

    assert _secrets.conceal("ada: in-a-file") == "ada: ***"
    (tmp_path / ".mlflow/credentials").write_text("not of this kind")
    assert _secrets.conceal("ada: in-a-file") == "ada: in-a-file"


def test_a_header_of_somebody_elses_request_is_concealed():
    header = base64.b64encode(b"ada:password").decode()

    assert _secrets.conceal(f"{{'Authorization': 'Basic {header}'}}") == (
        "{'Authorization': 'Basic ***'}"
    )


@pytest.mark.parametrize(
    "password", ["pa/hush", "pa?hush", "pa#hush", "pa@hush", "12/hush", "[hush"]
)
@pytest.mark.parametrize("scheme", ["http", "postgresql+nodriver"])
def test_an_address_that_would_be_misread_costs_one_warning_without_its_password(
    repo: Path, scheme: str, password: str, monkeypatch, capsys
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}://ada:{password}@127.0.0.1:9/mlflow")

    assert track.main(["sync"]) == 0
    track.main(["sync", "--background"])

    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 1
    assert "hush" not in said.out + said.err + Path(".work/sync.log").read_text()


def test_an_address_without_a_password_is_no_reason_to_refuse():
    for uri in ("http://host:5000/a", "sqlite:////tmp/a@b:c/mlflow.db", "http://u:p%40@host"):
        _secrets.check(uri)


def test_a_password_is_in_no_output_of_the_command_itself(repo: Path, dead_port: int, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ada:{QUOTED}@127.0.0.1:{dead_port}")

    done = call("sync")

    assert done.returncode == 0
    assert "***@127.0.0.1" in done.stderr
    assert "s3cr" not in done.stdout + done.stderr
