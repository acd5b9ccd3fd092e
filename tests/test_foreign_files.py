"""Models and data are files of strangers: each kind of wrong file gives one sentence."""

import struct
import zipfile
import zlib

import numpy as np
import pytest

from customocr import Reader, samples
from customocr import data as d
from customocr.engine import onnx_file
from customocr.engine.network import MOST_BYTES
from customocr.errors import CustomOCRError, DataError, ModelError
from customocr.line_network import LineNetwork
from customocr.recognition import BOXES, CHARACTERS, LINES, MODELS, load_network

onnx = pytest.importorskip("onnx", reason="tiny models are made with onnx, of the train extra")
from onnx import TensorProto, helper, numpy_helper

GLYPHS, STRIPS = ["N", 28, 28, 1], ["N", 32, "W", 1]


def character_network(
    path,
    weights=None,  # float32 (784, n)
    nodes=None,  # in place of all nodes
    shape=GLYPHS,
    last="Softmax",
    domain="",
    kind=TensorProto.FLOAT,
    inputs=1,
    metadata=None,
):
    "The smallest network for glyphs: one layer, and whatever is to be wrong with it."
    if weights is None:
        weights = np.random.default_rng(0).normal(0, 0.01, (784, 36)).astype(np.float32)
    floats = [
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.array([-1, weights.shape[0]]), "flat"),
    ]
    usual = [
        helper.make_node("Reshape", ["glyphs", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "weights"], ["said"]),
        helper.make_node(last, ["said"], ["probabilities"], domain=domain),
    ]
    graph = helper.make_graph(
        nodes or usual,
        "network",
        [helper.make_tensor_value_info(n, kind, shape) for n in ("glyphs", "more")[:inputs]],
        [helper.make_tensor_value_info("probabilities", kind, None)],
        floats,
    )
    sets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=sets, ir_version=8)
    helper.set_model_props(model, metadata or {})
    path.write_bytes(model.SerializeToString())
    return path


def not_finite(value):
    weights = np.zeros((784, 36), np.float32)
    weights[3, 4] = value
    return weights


def looping():
    "A graph within the graph."
    inner = helper.make_graph(
        [helper.make_node("Identity", ["probabilities_"], ["out"])],
        "inner",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )
    truth = numpy_helper.from_array(np.array(True), "truth")
    return [
        helper.make_node("Constant", [], ["truth"], value=truth),
        helper.make_node("Identity", ["glyphs"], ["probabilities_"]),
        helper.make_node("If", ["truth"], ["probabilities"], then_branch=inner, else_branch=inner),
    ]


HUGE = np.full((784, 36), 3e38, np.float32)
CHARACTER_MODELS = {
    "weights that are no number": (dict(weights=not_finite(np.nan)), "no finite numbers"),
    "infinite weights": (dict(weights=not_finite(np.inf)), "no finite numbers"),
    "an answer that is infinite": (dict(weights=HUGE, last="Identity"), "no finite numbers"),
    "glyphs of another size": (dict(shape=["N", 32, 28, 1]), "does not run on a batch"),
    "weights for another size": (
        dict(weights=np.zeros((896, 36), np.float32), shape=["N", "h", "w", 1]),
        "does not run on a batch",
    ),
    "too few classes": (dict(weights=np.zeros((784, 12), np.float32)), "36 outputs"),
    "more classes than it names": (dict(weights=np.zeros((784, 40), np.float32)), "36 outputs"),
    "no softmax": (dict(last="Identity"), "no probabilities"),
    "numbers below 0": (
        dict(weights=-np.full((784, 36), 1e-3, np.float32), last="Identity"),
        "no probabilities",
    ),
    "another graph inside": (dict(nodes=looping()), "runs another graph"),
    "custom operators": (dict(domain="com.example", last="Mine"), "not one of ONNX"),
    "other numbers": (dict(kind=TensorProto.DOUBLE, weights=np.zeros((784, 36))), "float32"),
    "two inputs": (dict(inputs=2), "2 inputs"),
    "shares that are words": (dict(metadata={"class_shares": "a b"}), "class_shares"),
    "shares of nothing": (dict(metadata={"class_shares": "0 " * 36}), "class_shares"),
    "classes twice": (dict(metadata={"classes": "AA"}), "classes"),
}


def one_sentence(error, path):
    "An error that names the file and is one line."
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert isinstance(error.value, CustomOCRError)


def test_a_small_network_that_is_right_is_taken(tmp_path):
    reader = Reader(character_network(tmp_path / "m.onnx"))
    assert reader.classify(np.zeros((3, 28, 28), np.uint8)).shape == (3, 36)


@pytest.mark.parametrize("kind", CHARACTER_MODELS)
def test_a_wrong_character_network_is_refused_when_it_is_loaded(tmp_path, kind):
    options, reason = CHARACTER_MODELS[kind]
    path = character_network(tmp_path / "m.onnx", **options)
    with pytest.raises(ModelError, match=reason) as error:
        Reader(path)
    one_sentence(error, path)


def test_weights_in_another_file_are_refused(tmp_path):
    model = onnx.load(character_network(tmp_path / "m.onnx"))
    path = tmp_path / "outside.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(ModelError, match="another file") as error:
        Reader(path)
    one_sentence(error, path)


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # a hole: it takes no room on the disk
    with pytest.raises(ModelError, match="up to 200") as error:
        Reader(path)
    one_sentence(error, path)


@pytest.mark.parametrize(
    "content",
    {
        "empty": b"",
        "text": b"hello, this is no network",
        "no graph": b"\x08\x07",
        "a field behind the end": b"\x3a\xff\xff\xff\x7f",
        "a number without an end": b"\xff" * 40,
        "more fields than a network has": b"\x08\x01" * (onnx_file.MOST_FIELDS + 1),
    }.items(),
    ids=lambda kind: kind[0],
)
def test_what_is_no_network_is_refused(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content[1])
    with pytest.raises(ModelError, match="no ONNX model") as error:
        Reader(path)
    one_sentence(error, path)


def test_weights_are_looked_at_however_they_are_stored(tmp_path):
    weights = np.zeros((784, 36), np.float32)
    weights[5, 5] = np.nan
    one_by_one = helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel())
    model = onnx.load(character_network(tmp_path / "m.onnx"))
    model.graph.initializer[0].CopyFrom(one_by_one)
    assert not model.graph.initializer[0].raw_data
    assert "no finite numbers" in onnx_file.what_is_wrong(model.SerializeToString())


def test_the_shipped_networks_have_nothing_wrong():
    for name in (BOXES, LINES, CHARACTERS):
        assert onnx_file.what_is_wrong((MODELS / name).read_bytes()) == ""


def test_the_shipped_networks_in_the_wrong_place_are_refused():
    for name in (BOXES, LINES):
        with pytest.raises(ModelError):
            Reader(MODELS / name)
    for name in (BOXES, CHARACTERS):
        with pytest.raises(ModelError):
            LineNetwork(MODELS / name)
    with pytest.raises(ModelError, match="does not run|outputs"):
        load_network(MODELS / CHARACTERS, 3, (40, 64, 2))


def line_network(path, wide=38, symbols="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ ", bad=None, fixed=0):
    "The smallest network for strips: one number a column, and whatever is to be wrong with it."
    weights = np.random.default_rng(0).normal(0, 0.01, (32, wide)).astype(np.float32)
    if bad is not None:
        weights[0, 0] = bad
    strips = [*STRIPS[:2], fixed, 1] if fixed else STRIPS
    nodes = [
        helper.make_node("Squeeze", ["strips", "last"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["columns"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["columns", "weights"], ["said"]),
        helper.make_node("LogSoftmax", ["said"], ["steps"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("strips", TensorProto.FLOAT, strips)],
        [helper.make_tensor_value_info("steps", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.array([3]), "last"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"character": symbols} if symbols else {})
    path.write_bytes(model.SerializeToString())
    return path


LINE_MODELS = {
    "weights that are no number": (dict(bad=np.nan), "no finite numbers"),
    "too few numbers a step": (dict(wide=12), "steps of one number"),
    "no characters named": (dict(symbols=""), "names no characters"),
    "strips of one width": (dict(fixed=48), "does not run on a batch"),
}


@pytest.mark.parametrize("kind", LINE_MODELS)
def test_a_wrong_line_network_is_refused_when_it_is_loaded(tmp_path, kind):
    options, reason = LINE_MODELS[kind]
    path = line_network(tmp_path / "lines.onnx", **options)
    with pytest.raises(ModelError, match=reason) as error:
        Reader(lines=path)
    one_sentence(error, path)


def test_a_small_line_network_that_is_right_is_taken(tmp_path):
    page = Reader(lines=line_network(tmp_path / "lines.onnx")).read(samples.page("hello"))
    assert page.complete


def paddle_network(path):
    "A network in PaddleOCR's form: colour strips, channels first, batch and width by name."
    weights = np.random.default_rng(0).normal(0, 0.01, (48, 38)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["grey"], axes=[1], keepdims=0),  # (N, rows, W)
        helper.make_node("AveragePool", ["grey"], ["wide"], kernel_shape=[8], strides=[8]),
        helper.make_node("Transpose", ["wide"], ["columns"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["columns", "weights"], ["said"]),
        helper.make_node("Softmax", ["said"], ["steps"], axis=2),
    ]
    strips = ["DynamicDimension.0", 3, 48, "DynamicDimension.1"]
    steps = ["DynamicDimension.0", "DynamicDimension.2", 38]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, strips)],
        [helper.make_tensor_value_info("steps", TensorProto.FLOAT, steps)],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    symbols = "\n".join("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    helper.set_model_props(model, {"character": symbols})
    path.write_bytes(model.SerializeToString())
    return path


def test_a_network_in_the_form_of_paddleocr_is_taken(tmp_path):
    page = Reader(lines=paddle_network(tmp_path / "p.onnx")).read(samples.page("hello"))
    assert page.complete


def entry(name, data, says=None, encrypted=False):
    "A zip of one stored file, which may say another size than it has."
    flags, size = int(encrypted), len(data) if says is None else says
    shared = struct.pack(
        "<HHHHHIIIHH", 20, flags, 0, 0, 33, zlib.crc32(data), len(data), size, len(name), 0
    )
    local = b"PK\3\4" + shared + name + data
    central = b"PK\1\2" + struct.pack("<H", 20) + shared + struct.pack("<HHHII", 0, 0, 0, 0, 0)
    central += name
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


ARRAYS = {
    "encrypted": (entry(b"x.npy", b"secret", encrypted=True), "encrypted"),
    "says that it is huge": (entry(b"x.npy", b"small", says=2**32 - 2), "unpacks to 4.3 GB"),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("read", [d.load_npz, d.read_az])
def test_an_archive_is_looked_at_before_it_is_unpacked(tmp_path, kind, read):
    content, reason = ARRAYS[kind]
    path = tmp_path / "set.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as error:
        read(path)
    one_sentence(error, path)


def test_what_is_no_array_is_refused(tmp_path):
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    path = tmp_path / "set.npz"
    np.savez(path, x=np.array([{}, []], object), y=labels)
    with pytest.raises(DataError) as error:  # an object is code: nothing is unpickled
        d.load_npz(path)
    one_sentence(error, path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"hello")
        archive.writestr("y", b"hello")
    with pytest.raises(DataError, match="x is no array"):
        d.load_npz(path)
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 28, 28), }\n"
    array = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(100)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", array)
        archive.writestr("y.npy", array)
    with pytest.raises(DataError) as error:  # says that it has more than there is memory
        d.load_npz(path)
    one_sentence(error, path)
    np.savez(path, x=images, y=labels)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("writer.npy", b"hello")
    with pytest.raises(DataError, match="writer.npy is no array"):
        d.load_npz(path)
    for writers in ([-3, 0], [0] * 5, [], 0, [[0, 0]]):
        np.savez(path, x=images, y=labels, writer=np.array(writers, int))
        with pytest.raises(DataError):
            d.load_npz(path)


@pytest.mark.parametrize("writers", [[7, 3], [2**63, 3], ["b", "a"], [0.5, 0.25]])
def test_writers_without_names_are_called_as_the_file_calls_them(tmp_path, writers):
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    path = tmp_path / "set.npz"
    np.savez(path, x=images, y=labels, writer=np.array(writers))
    read = d.load_npz(path)
    assert [read.writer_names[w] for w in read.writer] == [str(w) for w in np.array(writers)]


def test_a_line_without_an_end_is_no_table(tmp_path):
    path = tmp_path / "az.csv"
    path.write_bytes(b"0," * 200_000)
    with pytest.raises(DataError, match="no end"):
        d.read_az(path)


def test_a_keras_model_that_carries_code_is_refused(tmp_path):
    pytest.importorskip("tensorflow", reason="Keras needs the train extra (TensorFlow)")
    import keras

    from customocr.model import load_model

    path = tmp_path / "code.keras"
    layers = [keras.Input((28, 28, 1)), keras.layers.Lambda(lambda x: x * 2)]
    keras.Sequential(layers).save(path)
    with pytest.raises(ModelError, match="Lambda layer") as error:
        load_model(path)
    one_sentence(error, path)
