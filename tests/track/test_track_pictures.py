"""Pictures of samples, the page of the data and traces reach MLflow with their stages."""

from pathlib import Path

from finished_repo import PIXEL, hashes, record, write
from stores import contents, runs, sync

from stages.commands import track

TENSORS, PICTURE = "data/tensors/mnist/train.safetensors", "data/tensors/mnist/samples.png"


def test_the_run_of_prepare_holds_the_picture_of_samples_as_it_is(repo: Path) -> None:
    write(repo / PICTURE, bytes.fromhex(PIXEL))
    record(repo, "prepare", "mnist", outputs=(TENSORS, PICTURE))

    assert sync().problems == []
    client = track.connect(track.store())
    run = runs(client)["prepare@mnist"]
    kept = client.download_artifacts(run.info.run_id, "samples.png")
    assert Path(kept).read_bytes() == bytes.fromhex(PIXEL)


def test_a_dataset_without_a_picture_is_a_run_without_one(repo: Path) -> None:
    assert sync().problems == []
    assert contents()["prepare@mnist"]["artifacts"] == ["record.json"]


def test_the_run_of_prepare_waits_while_its_picture_is_not_there(repo: Path) -> None:
    picture = write(repo / PICTURE, bytes.fromhex(PIXEL))
    record(repo, "prepare", "mnist", outputs=(TENSORS, PICTURE))
    picture.unlink()

    sync()
    assert "prepare@mnist" not in runs()
    write(picture, bytes.fromhex(PIXEL))
    sync()
    assert contents()["prepare@mnist"]["artifacts"] == ["record.json", "samples.png"]


def test_the_run_of_site_holds_every_page(repo: Path) -> None:
    pages = [f"reports/{name}.html" for name in ("data", "index", "speed")]
    write(repo / pages[0], "<h1>The data</h1>")
    write(repo / pages[2], "<h1>The speed</h1>")
    record(repo, "site", "site", outputs=pages)

    assert sync().problems == []
    expected = ["data.html", "index.html", "record.json", "speed.html"]
    assert contents()["site@site"]["artifacts"] == expected


def test_a_trace_that_still_lies_here_is_sent_and_one_that_does_not_holds_nothing_up(
    repo: Path,
) -> None:
    names = (".work/traces/optimizers.0.json.gz", ".work/traces/optimizers.1.json.gz")
    for name in names:
        write(repo / name, f"trace of {name}")
    record(repo, "train", "optimizers", details={"traces": hashes(repo, names)})
    (repo / names[1]).unlink()

    assert sync().problems == []
    client = track.connect(track.store())
    run = runs(client)["train@optimizers"]
    assert [f.path for f in client.list_artifacts(run.info.run_id, "traces")] == [
        "traces/optimizers.0.json.gz"
    ]
