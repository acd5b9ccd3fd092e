"""Lines that the line network learns from, and its training: seeded, resumable, loadable."""

import json
from pathlib import Path

import numpy as np
import pytest

from customocr import cli, samples
from customocr.errors import DataError, ModelError

pytest.importorskip("fontTools", reason="writing lines needs fontTools (extra train)")
pytest.importorskip("tensorflow", reason="training needs TensorFlow (extra train)")

from customocr import line_training as training
from customocr.writing.compose import FontHand
from customocr.writing.lines import (
    ROWS,
    LineMaker,
    Pixels,
    compose_lines,
    fits,
    load_lines,
    make_shards,
    save_lines,
    steps_needed,
)


@pytest.fixture(scope="module")
def maker():
    hands = [FontHand(path) for path in list(samples.fonts().values())[:2]]
    images = np.zeros((36, 28, 28), np.uint8)
    images[:, 4:24, 10:18] = 255
    pixels = Pixels(images, np.arange(36))
    return LineMaker(hands, digits=pixels, letters=pixels)


@pytest.fixture(scope="module")
def lines(maker):
    return compose_lines(maker, 48, 3)


def test_the_same_seed_gives_the_same_lines(maker, lines):
    again = compose_lines(maker, 48, 3)
    assert all(s == t and np.array_equal(a, b) for (a, s), (b, t) in zip(lines, again))
    assert [t for _, t in compose_lines(maker, 8, 4)] != [t for _, t in lines[:8]]


def test_a_strip_has_room_for_its_text_and_ink_where_there_is_text(lines):
    assert len(lines) == 48 and {t == "" for _, t in lines} == {True, False}
    for strip, text in lines:
        assert strip.shape[0] == ROWS and strip.dtype == np.uint8
        assert fits(strip, text) and strip.shape[1] // 4 > steps_needed(text)
        assert not text or strip.max() > 60
    assert steps_needed("AAB") == 4 and not fits(np.zeros((ROWS, 12), np.uint8), "ABC")


def test_lines_are_stored_as_they_are(lines, tmp_path):
    save_lines(tmp_path / "some.npz", lines)
    found = load_lines(tmp_path / "some.npz")
    assert all(s == t and np.array_equal(a, b) for (a, s), (b, t) in zip(lines, found))
    assert [f.name for f in tmp_path.iterdir()] == ["some.npz"]


def test_the_loss_is_the_sum_over_paths_and_silence_has_a_loss_too():
    logits = np.full((2, 3, training.OUTPUTS), -30, np.float32)
    logits[:, :, :3] = np.log([[0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.2, 0.1, 0.7]])
    labels, lengths, steps = np.int32([[1, 2], [0, 0]]), np.int32([2, 0]), np.int32([3, 3])
    found = np.array(training.line_losses(logits, labels, lengths, steps))
    paths = 0.1 * 0.3 * 0.7 + 0.8 * 0.5 * 0.7 + 0.8 * 0.2 * 0.2 + 0.8 * 0.3 * 0.7 + 0.8 * 0.2 * 0.7
    assert np.allclose(found, [-np.log(paths), -np.log(0.1 * 0.5 * 0.2)], atol=1e-3)


def test_the_likeliest_path_is_read_and_errors_are_counted():
    path = np.eye(training.OUTPUTS)[[11, 11, 0, 11, 37, 12, 0]]
    assert training.greedy(path) == "AA B"
    assert training.edits("KITTEN", "SITTING") == 3
    found = training.scores([path, path], [(None, "AAB"), (None, "")])
    assert found == dict(cer=0.0, exact=1.0, ghosts=1.0)


def test_the_rate_rises_stays_and_falls():
    assert training.rate_at(0, 0) < training.rate_at(100, 0) < training.rate_at(300, 0.1)
    assert training.rate_at(900, 0.5) == training.PEAK_RATE
    assert training.rate_at(900, 0.9) < training.rate_at(900, 0.7) < training.PEAK_RATE
    assert training.rate_at(900, 0.5, True) < training.PEAK_RATE / 2
    assert training.rate_at(900, 0.5, True, 1e-4) == pytest.approx(0.5e-4)


@pytest.fixture
def short(lines):
    return [(strip, text) for strip, text in lines if strip.shape[1] <= 224]


def tiny():
    training.keras.utils.set_random_seed(1)
    return training.network((8, 12, 16), 24, 1, 0.1)


def run(short, out, lines, model=None, **how):
    "A run of rounds of 48 lines."
    out.mkdir(exist_ok=True)
    model = model or tiny()
    said = how.pop("say", lambda text: None)
    state = training.fit(
        model, lambda k: short, short, out, lines=lines, most=48, least=0, every=0, say=said, **how
    )
    return model, state


def test_training_lowers_the_loss_and_writes_a_network_that_loads(short, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model, state = run(short, tmp_path, 600)
    losses = [row[training.COLUMNS_OF_LOG.index("loss")] for row in state.log]
    assert losses[-1] < 0.8 * losses[0]
    about = training.finish(model, state, short, tmp_path, seed=1)
    assert about == json.loads((tmp_path / "lines.json").read_text())
    assert "--seed 1" in (tmp_path / "CARD.md").read_text()
    session = onnxruntime.InferenceSession(tmp_path / "lines.onnx")
    strip = short[0][0][None, ..., None].astype(np.float32)
    said = session.run(None, {"lines": strip})[0]
    assert said.shape == (1, training.steps_of(strip.shape[2]), training.OUTPUTS)
    assert np.allclose(np.exp(said).sum(-1), 1, atol=1e-4)
    kept = session.get_modelmeta().custom_metadata_map["character"]
    assert kept.split("\n") == list(training.CLASSES)


def test_a_stopped_run_goes_on_and_ends_where_one_that_was_not_stopped_ends(short, tmp_path):
    whole, _ = run(short, tmp_path / "whole", 120)
    heard = []

    def stops(text):
        heard.append(text)
        if len(heard) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(short, tmp_path / "stopped", 120, say=stops)
    kept = json.loads(str(np.load(tmp_path / "stopped" / "checkpoint.npz")["state"]))
    assert kept["round"] == 1 and kept["lines"] > 0, "one round is kept, the second was stopped"
    model, state = run(short, tmp_path / "stopped", 120)
    assert state.lines >= 120
    for a, b in zip(whole.get_weights(), model.get_weights()):
        assert np.allclose(a, b, atol=1e-4)


def test_a_finished_network_goes_back_into_training_as_it_is(short, tmp_path):
    pytest.importorskip("onnxruntime")
    model, _ = run(short, tmp_path, 120)
    training.export_lines(model, tmp_path / "lines.onnx", 1.0, short)
    again = tiny()
    strips = [batch[0] for batch in training.batches(short, np.random.default_rng(1), 0)]
    training.start_from_lines(again, tmp_path / "lines.onnx", strips)
    ours, theirs = (training.line_logits(training.answering(m), short) for m in (model, again))
    logs = [
        [x - np.logaddexp.reduce(x, -1, keepdims=True) for x in each] for each in (ours, theirs)
    ]
    assert max(np.abs(a - b).max() for a, b in zip(*logs)) < 1e-4
    _, state = run(short, tmp_path / "more", 120, model=again, started=True, peak=1e-4)
    assert state.log[-1][3] < 1e-4, "the rate asked for is the largest"


def test_a_file_that_is_no_line_network_of_this_kind_is_refused(short, tmp_path):
    pytest.importorskip("onnxruntime")
    strips = [short[0][0][None, ..., None] / np.float32(255)]
    shipped = Path(training.customocr.__file__).parent / "models"
    for file in ("lines.onnx", "characters.onnx"):  # one is wider and deeper, one reads glyphs
        with pytest.raises(ModelError) as refused:
            training.start_from_lines(tiny(), shipped / file, strips)
        assert file in str(refused.value) and str(refused.value).count("\n") == 0
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ModelError, match="text.onnx"):
        training.start_from_lines(tiny(), tmp_path / "text.onnx", strips)


def test_too_few_lines_for_a_batch_are_refused(short, tmp_path):
    with pytest.raises(DataError, match="compose more lines"):
        training.fit(tiny(), lambda k: short[:2], short, tmp_path, lines=100)


def test_a_new_network_begins_with_the_convolutions_of_the_installed_character_network():
    "The wheel has the ONNX file only."
    model, keras = training.network(), training.keras
    training.start_from_characters(model)
    models = Path(training.MODELS)
    source = keras.models.load_model(models / "characters.keras", compile=False)
    kernels = [one.kernel for one in source.layers if isinstance(one, keras.layers.Conv2D)]
    assert len(kernels) == len(training.SHARED)
    for name, kernel in zip(training.SHARED, kernels):
        assert np.array_equal(model.get_layer(name).kernel, kernel)
    with pytest.raises(ModelError, match="not those of a line network"):
        training.start_from_characters(model, models / "boxes.onnx")


def test_shards_that_are_there_are_not_made_again(maker, monkeypatch, tmp_path):
    from customocr.writing import lines as module

    class Number:
        value = 0

    monkeypatch.setattr(module, "line_maker", lambda data: maker)
    monkeypatch.setattr(module.signal, "signal", lambda *how: None)
    make_shards(tmp_path, None, 1, 1, 4, Number)
    first = (tmp_path / "train0000.npz").stat().st_mtime_ns
    make_shards(tmp_path, None, 1, 2, 4, Number)
    assert (tmp_path / "train0000.npz").stat().st_mtime_ns == first and Number.value == 8
    texts = [t for k in (0, 1) for _, t in load_lines(tmp_path / f"train{k:04d}.npz")]
    assert texts == [t for k in (0, 1) for _, t in compose_lines(maker, 4, [1, k])]


def test_composing_ends_with_the_training_that_was_killed(maker, monkeypatch, tmp_path):
    from customocr.writing import lines as module

    class Number:
        value = 0

    class Killed:
        is_alive = staticmethod(lambda: False)

    monkeypatch.setattr(module, "line_maker", lambda data: maker)
    monkeypatch.setattr(module.signal, "signal", lambda *how: None)
    monkeypatch.setattr(module, "parent_process", Killed)
    with pytest.raises(SystemExit):
        make_shards(tmp_path, None, 1, 2, 4, Number)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_strokes_and_a_taken_folder_are_refused(tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["train", "--lines", "--data", str(tmp_path), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "unipen_strokes.npz" in said
    assert not out.exists()
    training._ready(out, 1, False)
    with pytest.raises(ModelError, match="--resume"):
        training._ready(out, 1, False)
    with pytest.raises(ModelError, match="seed 1, not 2"):
        training._ready(out, 2, True)


def test_options_of_other_networks_do_not_go_with_lines(capsys):
    assert cli.main(["train", "--lines", "--epochs", "3"]) == 2
    assert "--epochs does not go with --lines" in capsys.readouterr().err
    for option in (["--start", "lines.onnx"], ["--rate", "0.001"]):
        assert cli.main(["train", *option]) == 2
        assert f"{option[0]} goes with --lines" in capsys.readouterr().err


def test_without_a_data_folder_training_says_what_it_needs(monkeypatch, tmp_path):
    monkeypatch.delenv("CUSTOMOCR_DATA", raising=False)
    with pytest.raises(DataError, match="--data"):
        training.train(out=tmp_path / "none")
