"""Files: writing is atomic, and the same content gives the same bytes."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages import _files, _seeds


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.json"
    _files.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        _files.write_json(path, {"a": float("nan")})

    assert _files.read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_tensors_have_the_same_bytes_in_any_order_and_process(tmp_path):
    code = """if True:
        import sys, numpy as np
        from pathlib import Path
        from stages import _files
        names = sys.argv[2].split(",")
        tensors = {name: np.arange(6.0).reshape(2, 3) for name in names}
        _files.write_tensors(Path(sys.argv[1]), tensors, {name: 1 for name in names})
    """
    for file, names in (("one", "a,b,c"), ("two", "c,a,b")):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / file), names], check=True)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@given(arrays(np.float32, st.sampled_from([(), (0,), (3,), (2, 3)])), st.text())
def test_tensors_and_their_description_come_back(tmp_path_factory, array, text):
    path = tmp_path_factory.mktemp("tensors") / "x.safetensors"
    _files.write_tensors(path, {"x": array}, {"text": text})
    tensors, meta = _files.read_tensors(path)

    assert tensors["x"].shape == array.shape
    assert tensors["x"].tobytes() == array.tobytes()
    assert meta == {"text": text}


def test_streams_of_repeats_are_all_different_and_stay_as_they_are():
    seeds = {_seeds.integer(1, i, stream) for i in range(100) for stream in _seeds.STREAMS}

    assert len(seeds) == 500
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert _seeds.integer(20210530, 0, "init") == _seeds.integer(20210530, 0, "init")
    assert _seeds.numpy_generator(1, 2, "data").random() == (
        _seeds.numpy_generator(1, 2, "data").random()
    )


def test_an_unknown_stream_is_refused():
    with pytest.raises(ValueError, match="not in tuple"):
        _seeds.integer(1, 2, "shuffle")
