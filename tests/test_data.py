"""What a user relies on when reading data: the right samples, honest splits, and one clear refusal
for each kind of wrong file."""

import io
import zipfile

import cv2
import numpy as np
import pytest

pytest.importorskip("pandas", reason="the data module's loaders need the train extra")
pytest.importorskip("sklearn", reason="the splits need the train extra")

from customocr import data as d
from customocr.errors import DataError
from customocr.glyphs import CLASSES


def letters_csv(labels, pixel=200):  # -> str, one line a letter, a bright bar in each
    rows = np.zeros((len(labels), 785), int)
    rows[:, 0] = labels
    rows[:, 300:312] = pixel
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTOMOCR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def glyphs():
    return d.load_samples()


def test_samples_are_36_classes_by_known_hands(glyphs):
    assert set(glyphs.labels) == set(range(36))
    assert (glyphs.writer >= 0).all() and len(glyphs.writer_names) > 1
    assert glyphs.images[:, 0].mean() < 20 < glyphs.images.max(axis=(1, 2)).min()  # white on black


def test_importing_data_needs_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys, customocr.data; print([m for m in ('tensorflow', 'keras', 'pandas', 'sklearn',"
        " 'matplotlib') if m in sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_part_keeps_labels_sources_and_writers_together(glyphs):
    part = glyphs.only("O7")[::-1]
    assert {CLASSES[c] for c in part.labels} == {"O", "7"}
    i = len(part) // 2
    same = np.flatnonzero((glyphs.images == part.images[i]).all((1, 2)))
    assert any(
        (glyphs.labels[j], glyphs.writer[j]) == (part.labels[i], part.writer[i]) for j in same
    )


def test_it_shows_itself_with_counts(glyphs):
    assert f"| fonts | {len(glyphs):,} | 36 |" in glyphs._repr_markdown_()


def test_joining_keeps_names(glyphs):
    a, b = (
        glyphs.only("A"),
        d.Characters(np.zeros((3, 28, 28), np.uint8), np.array([0, 1, 2]), source_names=("other",)),
    )
    both = d.join(b, a)
    assert both.source_names == ("other", "fonts") and len(both) == len(a) + 3
    assert (both.writer[:3] == -1).all()
    assert [both.writer_names[w] for w in both.writer[3:]] == [a.writer_names[w] for w in a.writer]


def test_repeats_are_taken_out(glyphs):
    assert len(d.join(glyphs[:50], glyphs[20:60]).without_repeats()) == len(
        glyphs[:60].without_repeats()
    )


def test_class_weights_are_largest_over_own(glyphs):
    uneven = d.join(glyphs.only("A"), glyphs.only("B")[:6])
    weights = d.class_weights(uneven)
    assert weights[CLASSES.index("A")] == 1 and weights[CLASSES.index("B")] == pytest.approx(
        len(glyphs.only("A")) / 6
    )
    assert weights[CLASSES.index("C")] == 0


def test_stratified_split_has_the_same_share_of_each_class(glyphs):
    train, test = d.split_stratified(glyphs, 0.25)
    assert len(train) + len(test) == len(glyphs)
    assert np.abs(d.class_counts(test) - d.class_counts(glyphs) / 4).max() <= 1
    assert (d.split_stratified(glyphs, 0.25)[1].images == test.images).all()  # seeded


def test_writer_split_shares_no_writer(glyphs):
    train, test = d.split_writers(glyphs, 0.2)
    assert not set(train.writer) & set(test.writer) and len(train) + len(test) == len(glyphs)


def test_writer_split_refuses_unknown_writers():
    with pytest.raises(DataError, match="no known writer"):
        d.split_writers(d.Characters(np.zeros((9, 28, 28), np.uint8), np.arange(9)))


def test_held_out_writers_are_fixed():
    test, validation = d.unipen_test_writers(), d.unipen_validation_writers()
    assert len(set(test)) == len(set(validation)) == 30 and not set(test) & set(validation)
    assert test[:3] == (
        "aga/002",
        "aga/004",
        "aga/008",
    )  # changing them would void every published figure


def test_held_out_writers_follow_from_the_rule_in_any_order():
    names = [f"{c}/{i:03d}" for c in ("aga", "tos") for i in range(60)]
    assert d.draw_writers(names, 5) == d.draw_writers(names[::-1], 5)


def test_unipen_split_refuses_another_set(glyphs):
    with pytest.raises(DataError, match="aga/002"):
        d.split_unipen(glyphs)


def test_az_reads_every_line_and_shifts_labels(tmp_path):
    path = tmp_path / "A_Z Handwritten Data.csv"
    path.write_text(letters_csv([0, 25, 12]))
    letters = d.load_az(path)
    assert "".join(CLASSES[c] for c in letters.labels) == "AZM"
    assert (
        letters.images[0].ravel()[299:311].tolist() == [200] * 12
        and letters.images.sum() == 3 * 12 * 200
    )


def test_az_pandas_header_is_no_letter(tmp_path):
    path = tmp_path / "az.csv"
    path.write_text(",".join(["0"] + [f"0.{i}" for i in range(784)]) + "\n" + letters_csv([1]))
    assert [CLASSES[c] for c in d.load_az(path).labels] == ["B"]


def test_az_in_pieces_is_az_at_once(tmp_path, monkeypatch):
    path = tmp_path / "az.csv"
    path.write_text(letters_csv(np.arange(23) % 26))
    whole = d.read_az(path)
    monkeypatch.setattr(d, "AZ_PIECE", 5)
    assert all((a == b).all() for a, b in zip(whole, d.read_az(path)))


def test_az_zip_is_cached_and_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "az_sample.csv.zip"
    for labels in ([0, 1], [2, 3, 4]):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("A_Z Handwritten Data.csv", letters_csv(labels))
        assert d.load_az(tmp_path).labels.tolist() == [10 + c for c in labels]
        assert d.load_az(tmp_path).labels.tolist() == [10 + c for c in labels]
    assert len(list((tmp_path / "cache").glob("az-*.npz"))) == 2


def test_az_damaged_cache_is_written_again(tmp_path):
    path = tmp_path / "az.csv"
    path.write_text(letters_csv([5]))
    d.load_az(path)
    kept = next((tmp_path / "cache").iterdir())
    kept.write_bytes(kept.read_bytes()[:100])
    assert d.load_az(path).labels.tolist() == [15]


@pytest.mark.parametrize(
    "wrong, reason",
    [
        (letters_csv([0, 26]), "line 2 has the label 26"),
        (letters_csv([0, 1], pixel=256), "line 1 has a pixel of 256"),
        (letters_csv([0]) + "1,2,3\n", "line 2 has 3 fields"),
        (letters_csv([0]) + letters_csv([1]).replace(",0,", ",?,", 1), "line 2 has '?'"),
        (letters_csv([0])[:900], "line 1 has"),
        ("hello\nworld\n", "fields, expected 785"),
        ("", "not the A-Z set|no rows"),
    ],
)
def test_az_wrong_file_is_refused_with_line_and_reason(tmp_path, wrong, reason):
    path = tmp_path / "az.csv"
    path.write_text(wrong)
    with pytest.raises(DataError, match=reason.replace("?", r"\?")):
        d.load_az(path)


def test_az_zip_cut_short_is_refused(tmp_path):
    path = tmp_path / "az.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("A_Z Handwritten Data.csv", letters_csv([0] * 50))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut short"):
        d.load_az(path)


def test_az_zip_damaged_inside_is_refused(tmp_path):
    path = tmp_path / "az.csv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("A_Z Handwritten Data.csv", letters_csv(np.arange(2000) % 26))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 20] = b"\xff" * 20
    path.write_bytes(whole)
    with pytest.raises(DataError):
        d.load_az(path)


@pytest.mark.parametrize(
    "load, name, where",
    [
        (d.load_az, "A_Z Handwritten Data.csv", "kaggle.com"),
        (d.load_unipen, "unipen.npz", "zenodo"),
        (lambda folder: d.load_mnist(folder, download=False), "mnist.npz", "https://"),
    ],
)
def test_missing_file_says_where_to_get_it_and_where_to_put_it(
    tmp_path, monkeypatch, load, name, where
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no-keras"))
    with pytest.raises(DataError) as error:
        load(tmp_path)
    assert all(part in str(error.value) for part in (name, where, "CUSTOMOCR_DATA", str(tmp_path)))


def test_named_data_folder_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTOMOCR_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nowhere: no such data folder"):
        d.load_all()


def test_without_a_data_folder_the_packages_own_glyphs_are_used(monkeypatch):
    monkeypatch.delenv("CUSTOMOCR_DATA", raising=False)
    assert d.load_all().source_names == ("fonts",)


def test_mnist_parts(tmp_path):
    digits = np.zeros((12, 28, 28), np.uint8)
    np.savez(
        tmp_path / "mnist.npz",
        x_train=digits[:10],
        y_train=np.arange(10),
        x_test=digits[10:],
        y_test=np.array([3, 4]),
    )
    assert d.load_mnist(tmp_path).labels.tolist() == [*range(10), 3, 4]
    assert d.load_mnist(tmp_path, "test").labels.tolist() == [3, 4]
    with pytest.raises(DataError, match="train, test, all"):
        d.load_mnist(tmp_path, "validation")


ONE = np.zeros((1, 28, 28), np.uint8)


@pytest.mark.parametrize(
    "arrays, reason",
    [
        (dict(x=ONE), "no array y; it has x"),
        (dict(x=ONE.astype(float), y=np.zeros(1, int)), "float64"),
        (dict(x=np.zeros((1, 32, 32), np.uint8), y=np.zeros(1, int)), r"\(1, 32, 32\)"),
        (dict(x=ONE, y=np.zeros(2, int)), "1 images need 1"),
        (dict(x=np.repeat(ONE, 3, 0), y=np.array([1, 2, 36])), "row 2 has label 36"),
        (dict(x=ONE + 255, y=np.zeros(1, int)), "invert"),
        (dict(x=ONE[:0], y=np.zeros(0, int)), "no rows"),
        (dict(x=ONE, y=np.zeros(1, int), names=np.array(list("ABC"))), "its classes are ABC"),
        (dict(x=ONE, y=np.array([None])), "not a readable"),
    ],
)
def test_wrong_arrays_are_refused_with_the_reason(tmp_path, arrays, reason):
    path = tmp_path / "glyphs.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=reason):
        d.load_npz(path)


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_damaged_npz_is_refused(tmp_path, content):
    path = tmp_path / "unipen.npz"
    if content is None:
        whole = io.BytesIO()
        np.savez_compressed(
            whole,
            x=np.random.default_rng(1).integers(0, 9, (50, 28, 28), np.uint8),
            y=np.zeros(50, int),
        )
        content = whole.getvalue()[:2000]
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a readable .npz"):
        d.load_unipen(path)


def test_unipen_without_writers_is_refused(tmp_path):
    np.savez(tmp_path / "unipen.npz", x=ONE, y=np.zeros(1, int))
    with pytest.raises(DataError, match="no array writer"):
        d.load_unipen(tmp_path)


def draw(ink, paper, alpha=False):  # an L, 60 x 40
    image = np.full((60, 40, 4 if alpha else 3), (*paper, 0) if alpha else paper, np.uint8)
    colour = (*ink, 255) if alpha else ink
    cv2.line(image, (10, 10), (10, 50), colour, 4)
    cv2.line(image, (10, 50), (30, 50), colour, 4)
    return image


def test_folder_of_any_polarity_gives_the_same_glyph(tmp_path):
    (tmp_path / "L").mkdir()
    for name, image in dict(
        dark=draw((20,) * 3, (230,) * 3),
        light=draw((250,) * 3, (30,) * 3),
        clear=draw((0,) * 3, (0,) * 3, True),
    ).items():
        cv2.imwrite(str(tmp_path / "L" / f"{name}.png"), image)
    cv2.imwrite(
        str(tmp_path / "L" / "deep.png"),
        draw((20,) * 3, (230,) * 3)[:, :, 0].astype(np.uint16) * 257,
    )
    own = d.load_folder(tmp_path, "mine")
    assert own.labels.tolist() == [CLASSES.index("L")] * 4 and own.source_names == ("mine",)
    assert np.abs(own.images.astype(int) - own.images[0]).max() < 40


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda f: None, "one folder per class"),
        (lambda f: (f / "lower").mkdir(), "'lower'"),
        (lambda f: (f / "A").mkdir(), "no images"),
        (
            lambda f: ((f / "A").mkdir(), (f / "A" / "x.png").write_bytes(b"text")),
            "x.png: not an image",
        ),
        (
            lambda f: ((f / "A").mkdir(), (f / "A" / "x.png").write_bytes(b"")),
            "x.png: not an image",
        ),
        (
            lambda f: (
                (f / "A").mkdir(),
                cv2.imwrite(str(f / "A" / "x.png"), np.full((9, 9), 255, np.uint8)),
            ),
            "x.png: has no ink",
        ),
    ],
)
def test_wrong_folders_are_refused_with_the_name(tmp_path, make, reason):
    make(tmp_path)
    with pytest.raises(DataError, match=reason):
        d.load_folder(tmp_path)


def test_real_collections_have_their_known_counts(data_dir):
    if not all(d.find_file([name]) for name in ("mnist.npz", "unipen.npz")):
        pytest.skip("the data folder holds no mnist.npz or no unipen.npz")
    assert len(d.load_mnist()) == 70_000 and len(d.load_mnist(part="test")) == 10_000
    pens = d.load_unipen()
    assert d.draw_writers(pens.writer_names) == (
        d.unipen_test_writers(),
        d.unipen_validation_writers(),
    )
    train, validation, test = d.split_unipen(pens)
    assert (len(train), len(validation), len(test)) == (34_078, 3_192, 4_941)
    assert not set(pens.writer[train]) & set(pens.writer[test]) and not set(
        pens.writer[train]
    ) & set(pens.writer[validation])
