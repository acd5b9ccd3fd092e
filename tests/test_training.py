"""What a user relies on in training: balanced glyphs, runs that survive, honest probabilities."""

import json

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="training needs the extra `train`")

from customocr import samples, training
from customocr.data import load_samples
from customocr.errors import DataError, ModelError
from customocr.glyphs import CLASSES, normalise_glyphs
from customocr.model import to_input
from customocr.training import (
    best_temperature,
    calibration_error,
    draw_epoch,
    fold,
    image_source,
    network,
    reject_curve,
    softmax,
    train,
)


@pytest.fixture
def small(monkeypatch):
    "An epoch of 36 x 58 glyphs of the package's own, and no data folder."
    monkeypatch.delenv("CUSTOMOCR_DATA", raising=False)
    monkeypatch.setattr(training, "GLYPHS_AN_EPOCH", 36 * 58)


def test_an_epoch_has_the_shares_of_classes_and_sources_asked_for():
    fonts = load_samples()
    digits = fonts.only("0123456789")
    sources = [
        image_source("digits", digits, (0.75, 0.0)),
        image_source("fonts", fonts, (0.25, 1.0)),
    ]
    images, labels = draw_epoch(sources, 36 * 400, np.random.default_rng(1))
    assert np.abs(np.bincount(labels) / len(labels) - 1 / 36).max() < 1e-3
    threes = {s.name: n for s, c, n in training.draw_plan(sources, 36 * 400) if c == 3}
    assert threes["digits"] == pytest.approx(3 * threes["fonts"], rel=0.02)
    again = draw_epoch(sources, 36 * 400, np.random.default_rng(1))
    assert np.array_equal(images, again[0])


def test_a_source_on_top_adds_to_what_a_class_gets_from_the_others():
    fonts = load_samples()
    digits = fonts.only("0123456789")
    plan = training.draw_plan(
        [
            image_source("digits", digits, (2.0, 0.0), on_top=True),
            image_source("fonts", fonts, (0.25, 1.0)),
        ],
        36 * 400,
    )
    drawn = {(s.name, CLASSES[c]): n for s, c, n in plan}
    assert drawn["digits", "3"] == pytest.approx(2 * drawn["fonts", "A"], rel=0.01)
    assert drawn["fonts", "3"] == pytest.approx(training.BESIDE_TOP * drawn["fonts", "A"], rel=0.01)
    assert sum(drawn.values()) == pytest.approx(36 * 400, rel=0.01)


def test_what_a_network_expects_is_found_from_its_answers():
    rng = np.random.default_rng(1)
    expected = np.ones(36)
    expected[:10], expected[CLASSES.index("O")] = 2.0, 0.5
    labels = rng.choice(36, 20_000, p=np.r_[np.full(10, 0.02), np.full(26, 0.8 / 26)])
    seen = np.eye(36)[labels] * 2 + rng.normal(
        size=(20_000, 36)
    )  # what the shapes say: a normal likelihood of each class
    answers = softmax(2 * seen + np.log(expected))
    found = training.assumed_shares(answers, labels)
    assert found.sum() == pytest.approx(1)
    assert found / found[CLASSES.index("A")] == pytest.approx(expected, rel=0.15)
    some = labels > 9  # no digit to learn from
    assert np.isfinite(training.assumed_shares(answers[some], labels[some])).all()


def test_drawings_come_in_order_each_once_and_a_failed_one_is_told():
    draw = lambda i: (np.full(2, i), np.full(2, -i))
    assert [(i, x[0], y[0]) for i, x, y in training.drawn_ahead(draw, range(3, 7))] == [
        (i, i, -i) for i in range(3, 7)
    ]
    assert list(training.drawn_ahead(draw, range(0))) == []
    with pytest.raises(ZeroDivisionError):
        list(training.drawn_ahead(lambda i: (1 / (1 - i), 0), range(3)))


def test_a_source_leaves_the_share_of_its_glyphs_alone_that_it_was_told():
    fonts = load_samples()
    rows = np.arange(400)
    untouched = lambda same: (
        (
            image_source("fonts", fonts, (1, 1), same).draw(rows, np.random.default_rng(2))
            == normalise_glyphs(fonts.images[rows])
        )
        .all((1, 2))
        .mean()
    )
    assert untouched(1.0) == 1 and 0.5 < untouched(0.6) < 0.7 and untouched(0.0) < 0.05


def test_the_folded_network_gives_the_same_probabilities_with_fewer_layers():
    model = network()
    rng = np.random.default_rng(1)
    for layer in model.layers:  # batch norms that do something
        if layer.__class__.__name__ == "BatchNormalization":
            layer.set_weights(
                [rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for w in layer.get_weights()]
            )
    glyphs = load_samples().images[:64]
    expected = softmax(model.predict(to_input(glyphs), verbose=0), 1.7)
    folded = fold(model, 1.7)
    assert np.abs(folded.predict(to_input(glyphs), verbose=0) - expected).max() < 1e-4
    assert folded.count_params() < model.count_params() <= training.PARAMETERS_AT_MOST


def test_temperature_makes_a_boastful_network_honest():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 36, 5000)
    logits = rng.normal(size=(5000, 36))
    logits[np.arange(5000), labels] += (
        2.5  # normal noise and a shift of 2.5: the true log-probabilities are 2.5 times these
    )
    boastful = logits * 6
    found = best_temperature(boastful, labels)
    assert 2.2 < found < 2.6
    assert (
        calibration_error(softmax(boastful, found), labels)
        < calibration_error(softmax(boastful), labels) / 3
    )


def test_the_reject_curve_falls_to_the_surest_answers():
    probabilities = np.full((100, 36), 0.0)
    probabilities[:, 0] = np.linspace(0.5, 1, 100)
    probabilities[:, 1] = 1 - probabilities[:, 0]
    labels = np.where(np.arange(100) < 10, 1, 0)  # the ten least sure are wrong
    curve = reject_curve(probabilities, labels)
    assert (
        curve.error.iloc[-1] == pytest.approx(0.1) and curve.error[curve.answered <= 0.9].max() == 0
    )


def test_an_interrupted_run_goes_on_where_it_was_and_ends_with_model_and_card(
    small, tmp_path, monkeypatch, capsys
):
    out, shown = tmp_path / "run", []
    fit = training.fit

    def stops(*args, **kw):
        if len(shown) == 1:
            raise KeyboardInterrupt
        shown.append(1)
        return fit(*args, **kw)

    monkeypatch.setattr(training, "fit", stops)
    with pytest.raises(KeyboardInterrupt):
        train(out=out, epochs=4)
    assert (out / "checkpoint.keras").exists() and not (out / "characters.onnx").exists()
    monkeypatch.setattr(training, "fit", fit)
    with pytest.raises(ModelError, match="resume"):
        train(out=out, epochs=4)
    with pytest.raises(ModelError, match="seed 1, now 2"):
        train(out=out, epochs=4, seed=2, resume=True)
    about = train(out=out, resume=True)
    assert [line.split(",")[0] for line in (out / "log.csv").read_text().splitlines()] == [
        "epoch",
        "2",
        "4",
    ]
    assert (
        about == json.loads((out / "characters.json").read_text()) and about["classes"] == CLASSES
    )
    assert f"--epochs {about['epochs']} --seed 1" in (out / "CARD.md").read_text()
    assert "about 0 to go" in capsys.readouterr().out
    answers = training.classifier(out / "characters.onnx")(load_samples().images[:5])
    assert answers.shape == (5, 36) and np.allclose(answers.sum(1), 1, atol=1e-4)


def test_a_wrong_order_is_refused_before_any_work(tmp_path):
    for wrong in (dict(epochs=2, minutes=1), dict(epochs=0), dict(minutes=-1)):
        with pytest.raises(ModelError):
            train(out=tmp_path / "none", **wrong)
    assert not (tmp_path / "none").exists()


def test_a_run_with_a_budget_of_minutes_ends_by_itself_with_model_and_card(small, tmp_path, capsys):
    out = tmp_path / "run"
    about = train(out=out, minutes=0.25)
    assert about["budget_minutes"] == 0.25 and about["epochs"] > 0
    assert (out / "characters.onnx").exists()
    card = (out / "CARD.md").read_text()
    assert "customocr train --minutes 0.25 --seed 1" in card
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "reading the collections", "something is said before any work"
    assert "characters.onnx" in shown[-1]


def test_a_checkpoint_in_the_middle_of_a_drawing_is_gone_on_from(small, tmp_path, monkeypatch):
    out, real = tmp_path / "run", training._Run.between_steps
    monkeypatch.setattr(training, "SAVE_EVERY", -1)
    monkeypatch.setattr(training, "STEPS_TOGETHER", 1)

    def stops(self, way):
        real(self, way)
        raise KeyboardInterrupt

    monkeypatch.setattr(training._Run, "between_steps", stops)
    with pytest.raises(KeyboardInterrupt):
        train(out=out, epochs=2)
    assert (out / "log.csv").read_text().count("\n") == 1, "no drawing is done"
    done = int(training.keras.models.load_model(out / "checkpoint.keras").optimizer.iterations)
    assert 0 < done < 2 * (36 * 58 // training.BATCH)
    monkeypatch.setattr(training._Run, "between_steps", real)
    train(out=out, resume=True)
    last = training.keras.models.load_model(out / "checkpoint.keras").optimizer.iterations
    assert int(last) == 2 * (36 * 58 // training.BATCH), "neither more nor fewer steps"
    train(out=tmp_path / "undisturbed", epochs=2)
    glyphs = load_samples().images[::50]
    one, other = (
        training.classifier(folder / "characters.onnx")(glyphs)
        for folder in (out, tmp_path / "undisturbed")
    )
    np.testing.assert_allclose(one, other, atol=1e-5, err_msg="as if it had not been interrupted")


def test_the_rate_rises_and_falls_with_the_time():
    rates = [training.one_cycle(done) for done in np.linspace(0, 1.2, 200)]
    top = int(np.argmax(rates))
    assert top == pytest.approx(200 / 7.2, abs=2) and max(rates) <= training.PEAK_RATE
    assert rates[0] == training.FIRST_RATE and rates[-1] == pytest.approx(training.LAST_RATE)


def test_a_folder_without_collections_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: holds none of the collections .*mnist.npz"):
        train(data=tmp_path / "empty", out=tmp_path / "run", epochs=2)
    assert not (tmp_path / "run").exists()


def test_a_card_tells_of_the_sources_of_its_own_run():
    shipped = json.loads((samples.FOLDER.parent / "models" / "characters.json").read_text())
    card = training.card(shipped)
    assert "MNIST came on top" in card and "customocr train --data DATA --epochs 84" in card
    own = {**shipped, "glyphs": {"fonts": 2376}, "test": {}, "epochs": 4}
    card = training.card(own)
    for other in ("MNIST", "UNIPEN", "crops from composed", "--data", "A-Z letters"):
        assert other not in card.split("## Validation")[0], other
    assert "2,376 samples" in card and "customocr train --epochs 4 --seed 1" in card
    assert "None of the foreign collections was at hand" in card
