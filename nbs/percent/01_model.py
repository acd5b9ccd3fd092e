# ---
# jupyter:
#   kernelspec:
#     display_name: python3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Model
# > A small network learns 36 characters.

# %%
#| default_exp model

# %%
#| export
from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up notes are about graphics cards we do not need

import keras
import pandas as pd

from customocr.data import Characters, class_weights, join, load_az, load_mnist, split_stratified
from customocr.errors import ModelError
from customocr.glyphs import CLASSES, SIDE

# %%
#| export
def to_input(
    images: np.ndarray,  # uint8 (N, 28, 28), white ink on black
) -> np.ndarray:  # float32 (N, 28, 28, 1), 0..1
    "What the networks are fed with: a channel axis, and pixels divided by 255."
    return (images.astype(np.float32) / 255)[..., None]


# %%
#| export
TUTORIAL_ROTATION = 10  # degrees to either side
TUTORIAL_ZOOM = 0.05  # share, in and out, each axis for itself
TUTORIAL_SHIFT = 0.1  # share of the side, each axis for itself


def augmentation(
    seed: int = 1,
    rotation: float = TUTORIAL_ROTATION,  # degrees to either side
    zoom: float = TUTORIAL_ZOOM,  # share, in and out, each axis for itself
    shift: float = TUTORIAL_SHIFT,  # share of the side, each axis for itself
) -> keras.Sequential:  # (N, 28, 28, 1) -> (N, 28, 28, 1); does nothing outside training
    "Random turns, zooms and shifts as layers; what comes in from outside is black. No flip: a mirrored S is no S."
    black = dict(fill_mode="constant", fill_value=0.0)
    return keras.Sequential([
        keras.layers.RandomRotation(rotation / 360, seed=seed, **black),
        keras.layers.RandomZoom(zoom, zoom, seed=seed + 1, **black),
        keras.layers.RandomTranslation(shift, shift, seed=seed + 2, **black),
    ], name="augmentation")


# %%
#| export
TUTORIAL_PARAMETERS = 138_468


def tutorial_network(
    seed: int = 1,  # of weights and augmentation
    augment: bool = True,  # put the augmentation in front
) -> keras.Model:  # float32 (N, 28, 28, 1) in 0..1 -> float32 (N, 36), rows sum to 1; compiled
    "The tutorial's network: three convolutions with pooling, three dense layers; Adam and cross-entropy on label numbers."
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((SIDE, SIDE, 1), name="glyphs"),
        *([augmentation(seed)] if augment else []),
        layers.Conv2D(32, 3, activation="relu", padding="valid"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu", padding="same"),
        layers.MaxPooling2D(2),
        layers.Conv2D(128, 3, activation="relu", padding="valid"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(128, activation="relu"),
        layers.Dense(len(CLASSES), activation="softmax", name="probabilities"),
    ], name="tutorial")
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# %%
#| export
BATCH = 128  # samples a step, the tutorial's
EPOCHS = 20  # passes over the training part, the tutorial's


class _Clock(keras.callbacks.Callback):
    "Adds the seconds of each epoch to what is logged."

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs["seconds"] = round(time.perf_counter() - self.start, 2)


def train(
    model: keras.Model,  # compiled for label numbers
    training: Characters,
    validation: Characters,  # measured after each epoch; never learnt from
    folder: str | Path,  # for best.keras, log.csv and what a continuation needs; made where it is missing
    epochs: int = EPOCHS,
    batch: int = BATCH,
    weights: bool = True,  # weigh each class by the largest class / this class
    seed: int = 1,  # of the order of the samples
    verbose: int | str = "auto",  # Keras' progress: 0 none, 1 bar, 2 a line an epoch
) -> pd.DataFrame:  # a row an epoch: loss, accuracy, val_loss, val_accuracy, seconds
    """Train with a checkpoint of the best validation loss; called again after an interruption, it continues.

    Raises `ModelError` where the folder holds another run."""
    folder = Path(folder)
    settings = dict(network=model.name, parameters=model.count_params(), samples=len(training), batch=batch, weights=weights, seed=seed)
    _same_run(folder, settings)
    log = folder / "log.csv"
    past = pd.read_csv(log) if log.exists() else None
    backup = keras.callbacks.BackupAndRestore(folder / "backup", delete_checkpoint=False)
    best = float(past.val_loss.min()) if past is not None and len(past) else None
    callbacks = [
        _Clock(),
        keras.callbacks.ModelCheckpoint(folder / "best.keras", monitor="val_loss", save_best_only=True, initial_value_threshold=best),
        keras.callbacks.CSVLogger(log, append=True),
        backup,
    ]
    keras.utils.set_random_seed(seed + (0 if past is None else len(past)))
    weight = {c: float(w) for c, w in enumerate(class_weights(training)) if w} if weights else None
    model.fit(to_input(training.images), training.labels, validation_data=(to_input(validation.images), validation.labels),
              epochs=epochs, batch_size=batch, class_weight=weight, callbacks=callbacks, verbose=verbose)
    return pd.read_csv(log)


def _same_run(folder: Path, settings: dict) -> None:
    "Note the settings of a new run; refuse to continue one with other settings."
    file = folder / "settings.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings, indent=1) + "\n")
        return
    before = json.loads(file.read_text())
    differing = [f"{key} {before.get(key)}, now {value}" for key, value in settings.items() if before.get(key) != value]
    if differing:
        raise ModelError(f"{folder} holds another run ({'; '.join(differing)}); choose another folder, or delete it to start anew")


# %%
#| export
def load_model(
    path: str | Path,  # a .keras file
) -> keras.Model:
    "A saved network. Raises `ModelError` where the file is missing or is not a Keras model."
    if not Path(path).is_file():
        raise ModelError(f"{path}: no such model file")
    try:
        return keras.models.load_model(path)
    except Exception as error:  # Keras raises a different type for each way in which a file can be wrong
        raise ModelError(f"{path}: not a Keras model, or damaged ({str(error).splitlines()[0][:120]})") from error


# %%
#| export
def predict(
    model: keras.Model,
    images: np.ndarray,  # uint8 (N, 28, 28), white ink on black
    batch: int = 1000,
) -> np.ndarray:  # float32 (N, 36), rows sum to 1
    "Class probabilities of glyphs."
    return model.predict(to_input(images), batch_size=batch, verbose=0)


# %%
#| export
MERGED = np.array([CLASSES.index({"O": "0", "I": "1"}.get(c, c)) for c in CLASSES])  # 0=O and 1=I as one class each


def scores(
    probabilities: np.ndarray,  # float (N, 36)
    labels: np.ndarray,  # int (N,)
) -> dict[str, float]:  # top1, merged, top2: shares right; macro: mean recall of the classes present; loss: mean cross-entropy
    "How often the likeliest class is right: plain, with 0=O and 1=I merged, within the two likeliest, by class."
    labels = labels.astype(int)
    right = probabilities.argmax(1) == labels
    merged = np.zeros_like(probabilities)
    np.add.at(merged.T, MERGED, probabilities.T)
    two = np.argsort(-probabilities, 1)[:, :2]
    own = probabilities[np.arange(len(labels)), labels]
    return dict(
        top1=float(right.mean()),
        merged=float((merged.argmax(1) == MERGED[labels]).mean()),
        top2=float((two == labels[:, None]).any(1).mean()),
        macro=float(np.mean([right[labels == c].mean() for c in np.unique(labels)])),
        loss=float(-np.log(np.maximum(own, 1e-7)).mean()),
    )


def report(
    probabilities: np.ndarray,  # float (N, 36)
    labels: np.ndarray,  # int (N,)
) -> pd.DataFrame:  # a row a class present: precision, recall, f1, support
    "scikit-learn's classification report as a table."
    from sklearn.metrics import precision_recall_fscore_support

    present = np.unique(labels)
    columns = precision_recall_fscore_support(labels, probabilities.argmax(1), labels=present, zero_division=0)
    return pd.DataFrame(dict(zip(("precision", "recall", "f1", "support"), columns)), index=[CLASSES[c] for c in present])


def confusion_matrix(
    probabilities: np.ndarray,  # float (N, 36)
    labels: np.ndarray,  # int (N,)
) -> np.ndarray:  # int (36, 36), row = truth, column = answer
    "How often each class was read as each."
    matrix = np.zeros((len(CLASSES), len(CLASSES)), int)
    np.add.at(matrix, (labels.astype(int), probabilities.argmax(1)), 1)
    return matrix


# %%
#| export
ONNX_TOLERANCE = 1e-4  # largest difference of a probability between Keras and ONNX Runtime
ONNX_OPSET = 17  # of 2022: read by every ONNX Runtime since 1.13, and by its web version


def export_onnx(
    model: keras.Model,  # float32 (N, 28, 28, 1) in 0..1 -> float32 (N, 36); any Keras model of this form
    path: str | Path,  # the .onnx file to write
    glyphs: np.ndarray | None = None,  # uint8 (M, 28, 28) to compare on; None = random pixels
    opset: int = ONNX_OPSET,
) -> float:  # largest difference of a probability between Keras and ONNX Runtime
    """Write the network as ONNX: input "glyphs", output "probabilities", any number of glyphs at a time.

    The file is written only after both gave the same probabilities to 1e-4; raises `ModelError` where they do not."""
    import onnx
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="glyphs")]
    function = tf.function(lambda batch: model(batch, training=False), input_signature=signature)
    graph, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=opset)
    _rename_output(graph, "probabilities")
    onnx.checker.check_model(graph)
    if glyphs is None:
        glyphs = np.random.default_rng(1).integers(0, 256, (100, SIDE, SIDE), dtype=np.uint8)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = session.run(["probabilities"], {"glyphs": to_input(glyphs)})[0]
    difference = float(np.abs(answers - predict(model, glyphs)).max())
    if not difference <= ONNX_TOLERANCE:
        raise ModelError(f"{path} not written: ONNX Runtime and Keras differ by {difference:.2g}, more than {ONNX_TOLERANCE:g}")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(graph, path)
    return difference


def _rename_output(graph, name: str) -> None:
    "Give the only output its name, and the free dimension of input and output the name N."
    old = graph.graph.output[0].name
    for node in graph.graph.node:
        node.output[:] = [name if output == old else output for output in node.output]
        node.input[:] = [name if input_ == old else input_ for input_ in node.input]
    graph.graph.output[0].name = name
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"


# %%
#| export
def run_tutorial(
    data: str | Path | None,  # the data folder with MNIST and the A-Z letters; None = CUSTOMOCR_DATA
    folder: str | Path,  # for the model, the log and the figures
    epochs: int = EPOCHS,
    verbose: int | str = 2,
) -> dict:  # the figures, as written to summary.json
    "The tutorial's training from data to report: MNIST and A-Z joined, 80/20 stratified, class weights, 20 epochs of 128."
    folder = Path(folder)
    training, held_out = split_stratified(join(load_mnist(data), load_az(data).without_repeats()))
    log = train(tutorial_network(), training, held_out, folder, epochs=epochs, verbose=verbose)
    probabilities = predict(load_model(folder / "best.keras"), held_out.images)
    figures = dict(train=len(training), test=len(held_out), epochs=len(log), seconds=round(float(log.seconds.sum())),
                   **scores(probabilities, held_out.labels))
    report(probabilities, held_out.labels).round(4).to_csv(folder / "report.csv", index_label="class")
    pd.DataFrame(confusion_matrix(probabilities, held_out.labels), list(CLASSES), list(CLASSES)).to_csv(folder / "confusion.csv")
    (folder / "summary.json").write_text(json.dumps(figures, indent=1) + "\n")
    return figures
