"""The container: every byte of a file that it writes, and a clear refusal of every other file."""

import errno
import json
import os
import pickle
import signal
import socket
import stat
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import MAGIC, build, padded

from scratchnn import container, strict_json
from scratchnn.errors import ModelFileError

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX only")


def entry(shape=(2,), dtype="<f8", offset=0):
    return {"dtype": dtype, "shape": list(shape), "offset": offset}


def header(model=None, **arrays):
    return {"model": model or {}, "arrays": arrays}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.snn"


@pytest.fixture
def refused(path):
    """Check that a content is refused, with a message that names the file and says `reason`."""

    def check(content, reason=""):
        path.write_bytes(content)
        with pytest.raises(ModelFileError) as caught:
            container.read(path)
        message = str(caught.value)
        assert message.startswith(f"cannot load {str(path)!r}: ")
        assert reason in message
        assert len(message) < 300 + len(str(path))
        assert message.isascii() or not str(path).isascii()

    return check


def assert_equal(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].dtype.isnative
        assert found[name].flags.c_contiguous
        assert found[name].flags.writeable
        np.testing.assert_array_equal(found[name], array, strict=False)


# ---- what is written is read ----


def test_the_bytes_are_those_of_the_document(path):
    array = np.array([[1.5, -2.0, 3.0]])
    container.write(path, {"depth": 2}, {"a.b": array})
    text = b'{"model":{"depth":2},"arrays":{"a.b":{"dtype":"<f8","shape":[1,3],"offset":0}}}'
    assert path.read_bytes() == build(text, padded(struct.pack("<3d", 1.5, -2.0, 3.0)))


@pytest.mark.parametrize("float_type", ["<f4", "<f8", ">f4", ">f8"])
def test_arrays_of_any_layout_return_equal(path, rng, float_type):
    base = rng.standard_normal((6, 10)).astype(float_type)
    base[0, :4] = [np.inf, -np.inf, np.nan, -0.0]
    arrays = {
        "plain": base,
        "fortran": np.asfortranarray(base),
        "strided": base[::2, ::-3],
        "vector": base[:, 3],
        "scalar": base[2, 2].reshape(()),
        "deep": base.reshape(2, 3, 1, 2, 5),
    }
    arrays["plain"].flags.writeable = False
    container.write(path, {}, arrays)
    model, found = container.read(path)
    assert model == {}
    assert_equal(found, arrays)
    assert path.stat().st_size % 64 == 4


def test_a_negative_zero_keeps_its_sign(path):
    container.write(path, {"x": -0.0}, {"a": np.array([-0.0])})
    model, arrays = container.read(path)
    assert np.signbit(model["x"])
    assert np.signbit(arrays["a"][0])


def test_no_arrays(path):
    container.write(path, {}, {})
    assert container.read(path) == ({}, {})


@pytest.mark.parametrize("length", range(100, 170))
def test_every_length_of_header(path, length):
    model = {"text": "x" * length}
    container.write(path, model, {"a": np.ones(3)})
    found, arrays = container.read(path)
    assert found == model
    np.testing.assert_array_equal(arrays["a"], 1)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(model=st.dictionaries(st.text(), json_values))
def test_every_json_value_returns_equal(tmp_path_factory, model):
    path = tmp_path_factory.getbasetemp() / "json.snn"
    container.write(path, model, {})
    assert container.read(path)[0] == model


@pytest.mark.parametrize("kind", [str, os.fsencode, lambda p: p])
def test_every_kind_of_path(tmp_path, kind):
    path = kind(tmp_path / "zoé ☃.snn")
    container.write(path, {"a": 1}, {})
    assert container.read(path)[0] == {"a": 1}


def test_arrays_may_be_named_in_any_order(path):
    data = padded(struct.pack("<2d", 1, 2)) + padded(struct.pack("<2d", 3, 4))
    path.write_bytes(build(header(late=entry(offset=64), early=entry()), data))
    _, arrays = container.read(path)
    assert arrays["early"].tolist() == [1, 2]
    assert arrays["late"].tolist() == [3, 4]


def test_the_check_is_asked_before_the_arrays_are_read(path):
    data = padded(bytes(16))
    path.write_bytes(build(header(model={"b": 1}, a=entry()), data, checksum=0))

    def check(model, specs, version):
        assert version == 1
        assert model == {"b": 1}
        assert specs == {"a": ("<f8", (2,), 0)}
        raise ValueError("no such layer")

    with pytest.raises(ModelFileError, match=r"model\.snn': no such layer"):
        container.read(path, check)


# ---- what cannot be written is refused before anything is ----


@pytest.mark.parametrize(
    "array",
    [np.zeros((0, 3)), np.arange(3), np.array(["a"]), np.array([None]), np.zeros((1,) * 9)],
    ids=["empty", "integers", "text", "objects", "nine dimensions"],
)
def test_arrays_that_the_format_cannot_hold(path, array):
    with pytest.raises(ValueError, match=r"array 'a' has dtype .* and shape"):
        container.write(path, {}, {"a": array})
    assert not path.exists()


BAD_NAMES = ["", "../a", "a/b", "a\0", "a..b", ".a", "a.", "A", "é", "a b", "x" * 101, "a\n"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_the_format_cannot_hold(path, refused, name):
    with pytest.raises(ValueError, match="is no name for an array"):
        container.write(path, {}, {name: np.ones(1)})
    assert not path.exists()
    refused(build(header(**{name: entry()}), padded(bytes(16))), "is no name for an array")


def endless():
    value = []
    value.append(value)
    return value


def nested(levels):
    return [nested(levels - 1)] if levels > 1 else []


def exploding():
    value = [0] * 100
    for _ in range(10):
        value = [value] * 100
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {"b": float("nan")}]}, r"^model\.x\.a\[1\]\.b: nan is not a finite number"),
        (-float("inf"), "-inf is not a finite"),
        (2**64, r"model\.x: the integer takes more than 64 bits"),
        (-(2**63) - 1, "more than 64 bits"),
        (np.int64(3), r"model\.x: int64 is not a JSON type"),
        (np.ones(2), "ndarray is not a JSON type"),
        ({1: 2}, "the key 1 is not a string"),
        ({"\ud800": 2}, "not Unicode"),
        (["\udcff"], r"model\.x\[0\]: '\\udcff' is not Unicode"),
        (endless(), "nested deeper than 32 levels"),
        (nested(31), "nested deeper than 32 levels"),
        (exploding(), "more than 524288 values"),
        ("x" * (1 << 20), "header would take 10.* bytes, more than 1048576; .* metadata"),
    ],
)
def test_values_that_the_format_cannot_hold(path, value, message):
    with pytest.raises(ValueError, match=message):
        container.write(path, {"x": value}, {})
    assert not path.exists()


def test_more_arrays_than_the_format_holds(path):
    arrays = {f"a{i}": np.ones(1) for i in range(10_001)}
    with pytest.raises(ValueError, match="at most 10000 arrays, not 10001"):
        container.write(path, {}, arrays)


def test_the_deepest_value_that_is_written_is_read(path):
    model = {"x": nested(30)}
    container.write(path, model, {})
    assert container.read(path)[0] == model


# ---- what is not a model file is refused ----


def test_foreign_files(refused, tmp_path):
    archive = tmp_path / "a.npz"
    np.savez(archive, a=np.ones(3))
    assert zipfile.is_zipfile(archive)
    refused(archive.read_bytes(), "but a zip archive")
    np.save(tmp_path / "a.npy", np.ones(3))
    refused((tmp_path / "a.npy").read_bytes(), "but a NumPy array")
    refused(pickle.dumps({"a": 1}), "but a Python pickle")
    refused(b"\x89PNG\r\n\x1a\n" + bytes(100), "but a PNG image")
    refused(b"a,b,c\n1,2,3\n4,5,6\n", "but text, starting with 'a,b,c\\n1,2,3\\n4,5,'")
    refused(b"\x7fELF" + bytes(100), "but something else, starting with bytes 7f 45 4c 46 00")
    refused(b"\xff", "but something else")


def test_a_transfer_as_text_is_recognised(refused, path):
    container.write(path, {}, {"a": np.ones(3)})
    content = path.read_bytes()
    refused(content.replace(b"\r\n", b"\n"), "spoilt by a transfer as text")
    refused(content.replace(b"\n", b"\r\n"), "spoilt by a transfer as text")


def test_an_empty_file(refused):
    refused(b"", "the file is empty")


def test_a_directory(tmp_path):
    with pytest.raises(ModelFileError, match="not a regular file but a directory"):
        container.read(tmp_path)


@posix
def test_special_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="pipe': not a regular file but a named pipe"):
        container.read(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="/dev/zero': not a regular file but a device"):
        container.read("/dev/zero")
    here = os.getcwd()
    os.chdir(tmp_path)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s")
            with pytest.raises(ModelFileError, match="not a regular file but a socket"):
                container.read("s")
    finally:
        os.chdir(here)


def test_a_missing_file_is_an_ordinary_error(path):
    with pytest.raises(FileNotFoundError, match=r"model\.snn"):
        container.read(path)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs /proc")
def test_a_file_whose_reported_size_is_wrong():
    with pytest.raises(ModelFileError, match="not a scratchnn model file but"):
        container.read("/proc/self/maps")  # regular, and of size 0 by its status


def test_versions(refused):
    refused(build(header(), version=3), "format version 3 is newer than 2")
    refused(build(b"no JSON at all", version=9), "upgrade with: python -m pip install --upgrade")
    refused(build(header(), version=0), "there is no format version 0")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not sound JSON"),
        (b"\xff", "not sound JSON: 'utf-8' codec"),
        (b"{", "not sound JSON"),
        (b"[]", "the header must be an object, not []"),
        (b"{}", "the header has no key 'arrays'"),
        (b'{"model":{},"arrays":{},"code":1}', "the header has an unknown key, 'code'"),
        (b'{"model":[],"arrays":{}}', "must be objects"),
        (b'{"model":{},"arrays":[]}', "must be objects"),
        (b'{"model":{},"arrays":{},"model":{}}', "the key 'model' appears twice"),
        (b'{"model":{"a":NaN},"arrays":{}}', "NaN is not JSON"),
        (b'{"model":{"a":-Infinity},"arrays":{}}', "-Infinity is not JSON"),
        (b'{"model":{"a":1e999},"arrays":{}}', "model.a: inf is not a finite number"),
        (b'{"model":{"a":18446744073709551616},"arrays":{}}', "model.a: the integer takes more"),
        (b'{"model":{"a":' + b"9" * 500_000 + b'},"arrays":{}}', "of 500000 digits"),
        (b'{"model":{"a":"\\ud800"},"arrays":{}}', "not Unicode"),
        (b'{"model":{"a":"\x01"},"arrays":{}}', "not sound JSON"),
        (b"[" * 500_000, "nested deeper than 32 levels"),
        (b'{"a":' * 100_000, "nested deeper than 32 levels"),
        (b'{"a":"\\""' + b',[{"b":' * 40, "nested deeper than 32 levels"),
        (b'"' + b'\\"' * 500_000, "not sound JSON"),
        (b'"' * 999_999, "not sound JSON"),
        (b'"' + b"\\" * 999_999, "not sound JSON"),
        (b"[" + b"{}," * 300_000 + b"{}]", "the header must be an object"),
        (json.dumps(header(**{f"a{i}": entry() for i in range(10_001)})).encode(), "10001 arrays"),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else "",
)
def test_hostile_headers(refused, text, reason):
    refused(build(text, padded(bytes(16))), reason)


def test_brackets_in_strings_do_not_count_as_nesting(path):
    model = {"[" * 40: "{" * 1000, "a": '\\"' + "[" * 50}
    container.write(path, model, {})
    assert container.read(path)[0] == model


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (3, "array 'a' must be an object, not 3"),
        ({"dtype": "<f8", "shape": [2]}, "array 'a' has no key 'offset'"),
        (entry() | {"strides": [8]}, "array 'a' has an unknown key, 'strides'"),
        (entry(dtype="|O"), "array 'a' has dtype '|O', not one of <f4, <f8"),
        (entry(dtype=">f8"), "has dtype '>f8'"),
        (entry(dtype=["<f8"]), "has dtype ['<f8']"),
        (entry() | {"shape": 2}, "array 'a' has shape 2"),
        (entry((1,) * 9), "not a list of at most 8"),
        (entry((2, -1)), "has shape [2, -1]; sizes are positive integers"),
        (entry((-1, -2)), "sizes are positive integers"),
        (entry((0,)), "sizes are positive integers"),
        (entry((2.0,)), "sizes are positive integers"),
        (entry((True, 2)), "sizes are positive integers"),
        (entry(("2",)), "sizes are positive integers"),
        (entry((2**63,)), "its header announces 73786976294838206"),
        (entry((2**32, 2**32)), "the file is cut short"),
        (entry((2**63 - 1,) * 8), "the file is cut short"),
        (entry((2**61 + 2,)), "the file is cut short"),  # the product is 16 modulo 2**64
        (entry(offset=-64), "has offset -64, not an integer of at least 0"),
        (entry(offset=0.0), "has offset 0.0, not an integer of at least 0"),
        (entry(offset=False), "has offset False, not an integer of at least 0"),
        (entry(offset=None), "has offset None"),
        (entry(offset=64), "array 'a' starts at 64; the data before it ends at 0"),
        (entry(offset=8), "starts at 8"),
        (entry(offset=2**63), "starts at 9223372036854775808"),
        (entry((9,)), "the file is cut short: it has "),
    ],
)
def test_hostile_descriptions_of_an_array(refused, bad, reason):
    refused(build(header(a=bad), padded(bytes(16))), reason)


def test_arrays_that_overlap_or_leave_holes(refused):
    data = bytes(192)
    refused(build(header(a=entry(), b=entry()), data), "array 'b' starts at 0")
    refused(build(header(a=entry((9,)), b=entry(offset=64)), data), "array 'b' starts at 64")
    refused(build(header(a=entry(), b=entry(offset=128)), data), "array 'b' starts at 128")
    refused(build(header(a=entry()), data), "more than the")
    refused(build(header(), b"\0"), "more than the")


def test_bytes_hidden_in_the_padding(refused):
    refused(build(header(a=entry()), bytes(16) + b"\1" + bytes(47)), "the padding")
    content = bytearray(build(header()))
    content[-5] = 1  # between header and checksum
    content[-4:] = struct.pack("<I", zlib.crc32(content[:-4]))
    refused(content, "the padding")


def test_a_checksum_that_lies(refused):
    refused(build(header(a=entry()), padded(bytes(16)), checksum=1), "its checksum does not match")


@pytest.fixture
def small(path, rng):
    """The content of a file of about 2 kB, with two arrays."""
    arrays = {"layers.0.weights": rng.random((8, 16)), "layers.0.biases": rng.random(16)}
    container.write(path, {"layer_sizes": [8, 16], "name": "small " * 40}, arrays)
    return path.read_bytes()


def test_every_truncation(path, small):
    assert 1500 < len(small) < 2500
    for size in reversed(range(len(small))):
        os.truncate(path, size)
        with pytest.raises(ModelFileError):
            container.read(path)


def test_every_extension(refused, small):
    for size in (1, 60, 64, 100_000):
        refused(small + bytes(size), "more than the")


def test_every_flipped_bit(path, small):
    descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
    try:
        for i, byte in enumerate(small):
            for bit in range(8):
                os.lseek(descriptor, i, os.SEEK_SET)
                os.write(descriptor, bytes([byte ^ (1 << bit)]))
                with pytest.raises(ModelFileError):
                    container.read(path)
            os.lseek(descriptor, i, os.SEEK_SET)
            os.write(descriptor, bytes([byte]))
    finally:
        os.close(descriptor)
    container.read(path)


mutations = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(0, 64), st.binary(max_size=64)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=300)
@given(mutations=mutations, right_checksum=st.booleans())
def test_mutated_files(path, small, mutations, right_checksum):
    content = small[:-4]
    for start, removed, inserted in mutations:
        content = content[:start] + inserted + content[start + removed :]
    content += struct.pack("<I", zlib.crc32(content)) if right_checksum else small[-4:]
    path.write_bytes(content)
    try:
        model, arrays = container.read(path)
    except ModelFileError:
        return
    assert right_checksum or content == small
    container.write(path, model, arrays)  # what is accepted is whole: it can be written again


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"{}," * 340_000 + b"{}]",
        b"[" * (1 << 20),
        json.dumps(header(a=entry((2**20, 2**20)))).encode(),
        json.dumps(header(**{f"a{i}": entry((2**40,), offset=64 * i) for i in range(9000)})).encode(),
    ],
    ids=["objects", "nesting", "one large array", "many large arrays"],
)
def test_memory_is_bounded_whatever_the_header_says(path, text):
    path.write_bytes(build(text, padded(bytes(16))))
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            container.read(path)
        assert tracemalloc.get_traced_memory()[1] < 80 << 20
    finally:
        tracemalloc.stop()


@posix
def test_only_the_announced_header_of_a_huge_file_is_read(path):
    with open(path, "wb") as file:
        file.write(MAGIC + struct.pack("<II", 1, (1 << 32) - 1))
        file.truncate(1 << 40)  # sparse
    with pytest.raises(ModelFileError, match="header takes 4294967295 bytes"):
        container.read(path)
    with open(path, "r+b") as file:
        file.write(build(header(a=entry()))[:-4])
    with pytest.raises(ModelFileError, match="the file has 1099511627776 bytes, more than"):
        container.read(path)


def test_a_file_that_changes_while_it_is_read(path, small, monkeypatch):
    """The size that the system reports is believed for a refusal, never for a success."""
    honest = os.fstat

    def lie(descriptor):
        status = list(honest(descriptor))
        status[stat.ST_SIZE] = len(small)
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", lie)
    for size in (len(small) - 1, len(small) - 200, len(small) - 1200, 100):
        path.write_bytes(small[:size])
        with pytest.raises(ModelFileError, match="the file is cut short"):
            container.read(path)
    path.write_bytes(small + b"x")
    with pytest.raises(ModelFileError, match="the file grew while it was read"):
        container.read(path)


def test_strict_json_reports_are_short():
    with pytest.raises(ValueError, match=r"more than 64 bits") as caught:
        strict_json.encode({"k" * 1000: 10**4000})
    assert len(str(caught.value)) < 200


# ---- writing is atomic ----


@pytest.fixture
def old(path):
    container.write(path, {"age": "old"}, {"a": np.zeros(1000)})
    return path.read_bytes()


def write_new(path):
    container.write(path, {"age": "new"}, {"a": np.ones(5000)})


@pytest.mark.parametrize("error", [OSError(errno.EIO, "wires cut"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "chmod", "replace", "write"])
def test_an_error_at_any_step_leaves_the_old_file(path, old, monkeypatch, step, error):
    def fail(*args):
        raise error

    if step == "write":
        monkeypatch.setattr(container, "_padding", fail)
    else:
        monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)) as caught:
        write_new(path)
    if isinstance(error, OSError):
        assert str(caught.value) == f"[Errno {errno.EIO}] wires cut: {str(path)!r}"
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]


def test_an_unsyncable_directory_is_no_error(path, old, monkeypatch):
    sync = os.fsync

    def refuse_directories(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_directories)
    write_new(path)
    assert container.read(path)[0] == {"age": "new"}


KILLED = """
import os, sys, time
import numpy as np
from scratchnn import container

def stop(*args):
    print("now", flush=True)
    time.sleep(60)

setattr(os, sys.argv[2], stop)
container.write(sys.argv[1], {"age": "new"}, {"a": np.ones(1_000_000)})
"""


@posix
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_kill_in_mid_save_leaves_the_old_file(path, old, step):
    command = [sys.executable, "-c", KILLED, str(path), step]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"now"
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == old
    write_new(path)  # what the dead process left behind is in nobody's way
    assert container.read(path)[0] == {"age": "new"}


FULL_DISK = """
import os, resource, sys
import numpy as np
from scratchnn import container

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    container.write(sys.argv[1], {"age": "new"}, {"a": np.ones(5000)})
except OSError as error:
    print(error.filename == sys.argv[1], error.strerror)
"""


@posix
def test_a_full_disk_leaves_the_old_file(path, old):
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "True File too large"
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]


@posix
def test_permissions(path, tmp_path):
    previous = os.umask(0o027)
    try:
        write_new(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_new(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(previous)


def test_a_write_protected_file_is_not_replaced(path, old, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *args: False)  # for root every file is writable
    with pytest.raises(PermissionError, match=r"Permission denied: '.*model\.snn'"):
        write_new(path)
    assert path.read_bytes() == old


@posix
def test_a_link_stays_a_link(path, old, tmp_path):
    os.mkdir(tmp_path / "elsewhere")
    link = tmp_path / "elsewhere" / "link.snn"
    link.symlink_to(path)
    write_new(link)
    assert link.is_symlink()
    assert container.read(path)[0] == {"age": "new"}
    dangling = tmp_path / "dangling.snn"
    dangling.symlink_to(tmp_path / "elsewhere" / "new.snn")
    write_new(dangling)
    assert container.read(tmp_path / "elsewhere" / "new.snn")[0] == {"age": "new"}
    assert sorted(os.listdir(tmp_path / "elsewhere")) == ["link.snn", "new.snn"]


@posix
def test_a_loop_of_links(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="loop"):
        write_new(loop)
    assert loop.is_symlink()


@posix
def test_a_device_is_not_replaced():
    with pytest.raises(OSError, match="Not a regular file: '/dev/null'"):
        write_new("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_directory_is_not_replaced(tmp_path):
    with pytest.raises(IsADirectoryError):
        write_new(tmp_path)


def test_a_missing_directory(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_new(tmp_path / "no" / "model.snn")
    assert caught.value.filename == str(tmp_path / "no" / "model.snn")


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="needs root to give away")
def test_the_owner_is_kept(path, old):
    os.chown(path, 65534, 65534)
    write_new(path)
    assert path.stat().st_uid == 65534


def test_a_system_without_owners(path, old, monkeypatch):
    monkeypatch.delattr(os, "fchown", raising=False)
    write_new(path)
    assert container.read(path)[0] == {"age": "new"}


def test_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_new("model.snn")
    assert container.read("model.snn")[0] == {"age": "new"}
    assert os.listdir() == ["model.snn"]
