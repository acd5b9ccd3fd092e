"""What a user relies on in training: the tutorial's network, runs that survive, an equal ONNX
file."""

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="training needs the train extra (TensorFlow)")
pytest.importorskip("sklearn", reason="the report needs the train extra (scikit-learn)")

from customocr import data as d
from customocr import model as m
from customocr.errors import DataError, ModelError
from customocr.glyphs import CLASSES


@pytest.fixture(scope="module")
def parts():
    return d.split_stratified(d.load_samples(), 0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def trained(parts, folder):
    network = m.tutorial_network()
    return network, m.train(network, *parts, folder, epochs=2, verbose=0)


def test_network_is_the_tutorials():
    network = m.tutorial_network()
    assert network.count_params() == m.TUTORIAL_PARAMETERS == 138_468
    assert network.input_shape == (None, 28, 28, 1) and network.output_shape == (None, 36)


def test_same_seed_same_network_other_seed_another():
    first, same, other = (m.tutorial_network(seed).get_weights()[0] for seed in (1, 1, 2))
    assert (first == same).all() and not np.allclose(first, other)


def test_augmentation_varies_in_training_only(parts):
    glyphs = m.to_input(parts[0].images[:20])
    layer = m.augmentation(seed=1)
    assert np.array_equal(layer(glyphs, training=False), glyphs)
    varied = np.array(layer(glyphs, training=True))
    assert (
        varied.shape == glyphs.shape
        and np.abs(varied - glyphs).mean() > 0.01
        and varied.min() >= 0
        and varied.max() <= 1
    )


def test_training_learns_and_keeps_the_best(trained, folder):
    _, log = trained
    assert log.epoch.tolist() == [0, 1] and log.val_loss.iloc[1] < log.val_loss.iloc[0]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"} <= set(log.columns)
    assert (folder / "best.keras").exists()


def test_interrupted_training_continues(trained, parts, folder):
    network = m.tutorial_network()
    log = m.train(network, *parts, folder, epochs=3, verbose=0)
    assert log.epoch.tolist() == [0, 1, 2] and np.allclose(log.loss[:2], trained[1].loss)
    steps = -(-len(parts[0]) // m.BATCH)
    assert int(network.optimizer.iterations.numpy()) == 3 * steps  # the optimiser went on too
    assert log.val_loss[2] < log.val_loss[0]


def test_finished_training_is_not_repeated(trained, parts, folder):
    before = (folder / "log.csv").read_text()
    m.train(m.tutorial_network(), *parts, folder, epochs=2, verbose=0)
    assert (folder / "log.csv").read_text() == before


def test_folder_of_another_run_is_refused(trained, parts, folder):
    with pytest.raises(ModelError, match="batch 128, now 32"):
        m.train(m.tutorial_network(), *parts, folder, batch=32)


def test_saved_network_survives(trained, parts, tmp_path):
    network, _ = trained
    network.save(tmp_path / "n.keras")
    images = parts[1].images[:50]
    assert np.array_equal(
        m.predict(m.load_model(tmp_path / "n.keras"), images), m.predict(network, images)
    )


@pytest.mark.parametrize(
    "name, content",
    [("absent.keras", None), ("text.keras", b"hello"), ("cut.keras", "half"), ("other.txt", b"")],
)
def test_wrong_model_file_is_refused(trained, tmp_path, name, content):
    path = tmp_path / name
    if content == "half":
        trained[0].save(path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=name):
        m.load_model(path)


def test_onnx_answers_as_keras(trained, parts, tmp_path):
    ort = pytest.importorskip("onnxruntime")
    network, _ = trained
    path = tmp_path / "n.onnx"
    images = parts[1].images
    assert m.export_onnx(network, path, images) <= 1e-4
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("glyphs", ["N", 28, 28, 1])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("probabilities", ["N", 36])]
    for n in (1, 7, len(images)):
        answers = session.run(None, {"glyphs": m.to_input(images[:n])})[0]
        assert np.abs(answers - m.predict(network, images[:n])).max() <= 1e-4


def test_onnx_of_a_network_with_other_layers(parts, tmp_path):
    import keras

    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.SeparableConv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("swish"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.2),
            layers.Dense(36, "softmax"),
        ]
    )
    assert m.export_onnx(network, tmp_path / "n.onnx", parts[1].images[:40]) <= 1e-4


def test_onnx_tells_the_reader_how_often_classes_were_shown(trained, parts, tmp_path):
    from customocr.recognition import Reader

    shares = np.linspace(1, 2, 36) / 54
    m.export_onnx(trained[0], tmp_path / "n.onnx", parts[1].images[:40], shares=shares)
    assert np.allclose(Reader(tmp_path / "n.onnx").shares, shares, atol=1e-6)
    m.export_onnx(trained[0], tmp_path / "n.onnx", parts[1].images[:40])
    assert np.ptp(Reader(tmp_path / "n.onnx").shares) == 0


def test_onnx_that_differs_is_not_written(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(m, "ONNX_TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="not written"):
        m.export_onnx(trained[0], tmp_path / "n.onnx")
    assert not (tmp_path / "n.onnx").exists()


def test_mnist_that_cannot_be_fetched_is_one_clear_error(tmp_path, monkeypatch, capsys):
    import keras

    def no_network():
        raise OSError("no route to host")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", no_network)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(DataError, match="mnist.npz"):
        d.load_mnist(tmp_path)
    assert "no route to host" in capsys.readouterr().err


def one_hot(text, wrong=0.1):  # probabilities that answer `text`
    p = np.full((len(text), 36), wrong / 35)
    p[np.arange(len(text)), [CLASSES.index(c) for c in text]] = 1 - wrong
    return p


def test_scores_count_what_they_say():
    labels = np.array([CLASSES.index(c) for c in "0O1AA"])
    figures = m.scores(one_hot("OO1AB"), labels)
    assert figures["top1"] == pytest.approx(3 / 5) and figures["merged"] == pytest.approx(4 / 5)
    assert figures["macro"] == pytest.approx((0 + 1 + 1 + 1 / 2) / 4)


def test_merged_adds_the_probabilities_of_both():
    p = np.zeros((1, 36))
    p[0, [CLASSES.index(c) for c in "0OQ"]] = 0.3, 0.3, 0.4
    assert m.scores(p, np.array([0]))["merged"] == 1 and m.scores(p, np.array([0]))["top1"] == 0


def test_pair_accuracy_looks_at_the_pair_only():
    labels = np.array([0, 0, CLASSES.index("O"), CLASSES.index("O")])
    assert m.pair_accuracy(one_hot("0O0O"), labels) == 0.5
    assert np.isnan(m.pair_accuracy(one_hot("00"), np.array([0, 0])))


def test_report_and_confusions_agree_with_scikit_learn():
    from sklearn.metrics import confusion_matrix

    labels = np.array([CLASSES.index(c) for c in "SSS55Z"])
    answers = one_hot("S5S5SZ")
    matrix = m.confusion_matrix(answers, labels)
    assert (matrix == confusion_matrix(labels, answers.argmax(1), labels=range(36))).all()
    table = m.report(answers, labels)
    assert table.loc["S", "recall"] == pytest.approx(2 / 3) and table.loc[
        "5", "precision"
    ] == pytest.approx(1 / 2)
    assert list(table.index) == list("5SZ")
