"""Containers: members are read by name, and nothing that an archive holds can escape."""

import shutil
import stat
import subprocess
import tarfile
import zipfile

import numpy as np
import pytest
from raw_files import gzipped, tarred, zipped

from stages.sources.archives import open_member
from stages.sources.errors import SourceError
from stages.sources.verify import copy

CONTENT = b"the content"


def copied(container, member, target):
    with open_member(container, member) as stream:
        return copy(stream, target, None, 1 << 30)


def content_of(container, member):
    with open_member(container, member) as stream:
        return stream.read()


def test_a_zip_member_is_read(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"folder/file": CONTENT})

    assert content_of(archive, "folder/file") == CONTENT


def test_a_tar_member_is_read(tmp_path):
    archive = tarred(tmp_path / "a.tar.gz", {"./folder/file": CONTENT})

    assert content_of(archive, "folder/file") == CONTENT


def test_a_gzip_file_is_decompressed(tmp_path):
    assert content_of(gzipped(tmp_path / "a.gz", CONTENT), None) == CONTENT


def test_a_gzipped_member_is_decompressed(tmp_path):
    inner = gzipped(tmp_path / "inner.gz", CONTENT).read_bytes()

    assert content_of(zipped(tmp_path / "a.whl", {"inner.gz": inner}), "inner.gz") == CONTENT


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="only Debian has dpkg-deb")
def test_a_debian_package_s_member_is_read(tmp_path):
    root = tmp_path / "root"
    (root / "DEBIAN").mkdir(parents=True)
    fields = "Package: tiny\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: d\n"
    (root / "DEBIAN" / "control").write_text(fields)
    gzipped(root / "usr/share/tiny.gz", CONTENT)
    package = tmp_path / "tiny_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", root, package], check=True, capture_output=True)

    assert content_of(package, "usr/share/tiny.gz") == CONTENT


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "folder/../../escaped"])
def test_hostile_names_write_nothing_outside(tmp_path, name):
    inside = tmp_path / "inside"
    inside.mkdir()
    archive = zipped(inside / "a.zip", {name: b"hostile", "file": CONTENT})

    assert content_of(archive, "file") == CONTENT
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "inside"]


def test_a_link_in_a_zip_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    info = zipfile.ZipInfo("file")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")

    with pytest.raises(SourceError, match="link"):
        content_of(path, "file")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_a_link_or_folder_in_a_tar_is_refused(tmp_path, kind):
    path = tmp_path / "a.tar"
    info = tarfile.TarInfo("file")
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(path, "w") as archive:
        archive.addfile(info)

    with pytest.raises(SourceError, match="link"):
        content_of(path, "file")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.deb"])
def test_a_missing_member_is_named(tmp_path, name):
    writers = {"a.zip": zipped, "a.tar.gz": tarred, "a.deb": zipped}
    container = writers[name](tmp_path / name, {"other": CONTENT})

    with pytest.raises(SourceError, match=r"no file|cannot be read"):
        content_of(container, "file")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.gz"])
def test_a_broken_container_is_one_error(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"this is no archive")

    with pytest.raises(SourceError):
        copied(path, None if name == "a.gz" else "file", tmp_path / "target")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.gz"])
def test_a_container_cut_short_is_one_error(tmp_path, name):
    content = np.random.default_rng(0).bytes(100_000)
    writers = {"a.zip": zipped, "a.tar.gz": tarred}
    path = tmp_path / name
    if name in writers:
        writers[name](path, {"file": content})
    else:
        gzipped(path, content)
    path.write_bytes(path.read_bytes()[:50_000])

    with pytest.raises(SourceError):
        copied(path, None if name == "a.gz" else "file", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_member_that_unpacks_to_more_than_is_allowed_is_refused(tmp_path):
    bomb = gzipped(tmp_path / "a.gz", bytes(10_000_000))

    with open_member(bomb, None) as stream, pytest.raises(SourceError, match="more than the 1000"):
        copy(stream, tmp_path / "target", None, 1000)
    assert not (tmp_path / "target").exists()
