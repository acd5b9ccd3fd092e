"""Examples of one's own: the manifest, folders and zips of classes, the printed sheet, the page."""

import os
import zipfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from customocr import collecting
from customocr.collecting import load_examples, read_manifest, save_examples
from customocr.errors import DataError


def strokes(n: int) -> np.ndarray:
    "uint8 (n, 28, 28): n different glyphs."
    glyphs = np.zeros((n, 28, 28), np.uint8)
    for k in range(n):
        cv2.line(glyphs[k], (6 + k % 12, 4), (14, 23), 255, 2)
    return glyphs


def picture(path, dark: bool = True) -> None:
    "A 60 x 90 picture of an upright stroke."
    pixels = np.full((90, 60, 3), 255, np.uint8)
    cv2.line(pixels, (30, 15), (30, 75), (0, 0, 0), 6)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", pixels if dark else 255 - pixels)[1].tobytes())


def test_saved_examples_come_back_and_a_second_save_adds(tmp_path):
    glyphs, labels = strokes(5), ["A", "é", "/", '"', ";"]
    save_examples(tmp_path / "mine", glyphs[:3], labels[:3], "sheet.jpg", [(1, 2, 3, 4)] * 3)
    save_examples(tmp_path / "mine", glyphs[3:], labels[3:], doubts=[0.25, None])
    found, said, rows = load_examples(tmp_path / "mine")
    assert (found == glyphs).all() and said == labels
    assert rows[0].source == "sheet.jpg" and rows[0].box == (1, 2, 3, 4) and rows[0].doubt is None
    assert [r.doubt for r in rows[3:]] == [0.25, None]


def test_a_spreadsheet_programs_csv_is_read(tmp_path):
    glyphs = strokes(3)
    save_examples(tmp_path, glyphs, ["A", "B", "C"])
    files = [r.file.replace("/", "\\") for r in read_manifest(tmp_path)]
    lines = ["file;label;source;box;keep;doubt", f'{files[0]};"+";s;"1,2,3,4";1;0,75']
    lines += [f"{files[1]};U+00E9;s;;no;", f"{files[2]};;;;;"]
    (tmp_path / "manifest.csv").write_bytes(("\ufeff" + "\r\n".join(lines[:3])).encode())
    found, labels, rows = load_examples(tmp_path)
    assert labels == ["+"] and (found[0] == glyphs[0]).all()
    assert rows[0].doubt == 0.75 and rows[0].box == (1, 2, 3, 4)
    assert load_examples(tmp_path, all_rows=True)[1] == ["+", "é"]
    (tmp_path / "manifest.csv").write_bytes("\n".join(lines).encode())
    with pytest.raises(DataError, match="row 4: label '' is not one character"):
        load_examples(tmp_path)


@pytest.mark.parametrize("file", ["../other.png", "/etc/x.png", "C:\\x.png", ""])
def test_a_manifest_names_files_of_its_folder_only(tmp_path, file):
    (tmp_path / "manifest.csv").write_text(f"file,label\n{file},A\n")
    with pytest.raises(DataError, match="row 2: file"):
        load_examples(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,label,box\none.png,A,inf\n", "row 2: box and doubt are numbers"),
        ("file,label,doubt\none.png,A,nan\n", "row 2: box and doubt are numbers"),
        (f"file,label,{'x' * 140_000}\n", "not a table"),
    ],
    ids=["an endless box", "a doubt that is no number", "a name without end"],
)
def test_a_manifest_with_what_is_no_number_or_no_table_is_refused(tmp_path, text, said):
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        read_manifest(tmp_path)


def test_a_zip_of_damaged_pictures_is_refused(tmp_path):
    picture(tmp_path / "A" / "1.png")
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("A/1.png", (tmp_path / "A" / "1.png").read_bytes())
    data = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(data[:37] + b"\xff" * 8 + data[45:])  # where deflate begins
    with pytest.raises(DataError, match="a damaged zip file"):
        load_examples(tmp_path / "x.zip")


def test_a_disk_that_fills_up_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    save_examples(tmp_path / "mine", strokes(2), ["A", "B"])
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    for folder in ("mine", "new"):
        with pytest.raises(DataError, match="No space left"):
            save_examples(tmp_path / folder, strokes(2), ["A", "C"])
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_folder_for_each_class_of_any_size_and_ink(tmp_path, packed):
    for n, name in enumerate(["A", "b", "U+002F", "U+0061"]):
        picture(tmp_path / "all" / name / "1.png", dark=n % 2 == 0)
    picture(tmp_path / "all" / "notes" / "1.png")
    (tmp_path / "all" / "A" / "readme.txt").write_text("no picture")
    place = tmp_path / "all"
    if packed:
        place = tmp_path / "drawn.zip"
        with zipfile.ZipFile(place, "w") as archive:
            for path in sorted((tmp_path / "all").glob("*/*")):
                archive.write(path, f"drawn/{path.relative_to(tmp_path / 'all')}")
    glyphs, labels, _ = load_examples(place)
    assert sorted(labels) == ["/", "A", "a", "b"]
    assert glyphs.shape == (4, 28, 28) and (glyphs == glyphs[0]).all()
    assert glyphs[0].max() == 255 and (glyphs[0] > 128).any(1).sum() in (19, 20, 21)


def test_the_drawing_page_s_zip_is_collected_and_measured(tmp_path, capsys):
    from customocr.cli import main
    from customocr.pictures import hands
    from customocr.writing.compose import rasterise
    from customocr.writing.signs import sign_hand, sign_shape

    rng, drawn, folder = np.random.default_rng(2), tmp_path / "drawn.zip", tmp_path / "mine"
    font = hands()["patrick-hand"]
    with zipfile.ZipFile(drawn, "w", zipfile.ZIP_STORED) as archive:  # as site/draw/examples.js
        for name in ("A", "7", "U+002E", "U+00E9", "U+0061"):
            for n in (1, 2):
                stop = sign_shape(".", sign_hand(rng), rng)
                shape = stop if name == "U+002E" else font.shape("A7"[n % 2], rng)
                ink = rasterise([s * 60 for s in shape.strokes], 6, shape.filled, 6)[0]
                paper = 255 - cv2.copyMakeBorder(ink, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=0)
                colour = cv2.cvtColor(paper, cv2.COLOR_GRAY2BGRA)  # a canvas gives an alpha channel
                archive.writestr(f"{name}/00{n}.png", cv2.imencode(".png", colour)[1].tobytes())
    assert main(["collect", str(drawn), "--out", str(folder)]) == 0
    assert "10 examples added" in capsys.readouterr().out
    assert sorted(load_examples(folder)[1]) == sorted("AA77..ééaa")
    assert main(["evaluate", str(folder)]) == 0
    assert "not a class of this model" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("entry", "flag", "said"),
    [
        (".", 0, "no pictures"),
        ("../A/1.png", 0, "leads out"),
        ("/A/1.png", 0, "leads out"),
        ("A/1.png", 1, "encrypted"),
    ],
)
def test_a_zip_that_is_not_to_be_trusted_is_refused(tmp_path, entry, flag, said):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(entry, b"no picture")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= flag
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(DataError, match=said):
        load_examples(tmp_path / "x.zip")


def test_an_oversized_zip_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(collecting, "MOST_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("A/1.png", bytes(2000))
    with pytest.raises(DataError, match="has more than"):
        load_examples(tmp_path / "x.zip")


CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.fixture(scope="module")
def sheet() -> np.ndarray:
    "A sheet of 36 characters, three boxes each, filled by one of the package's hands."
    from customocr.pictures import hands
    from customocr.writing.compose import rasterise

    rng, f = np.random.default_rng(1), 200 / 25.4
    out = collecting.sheet_picture(CHARACTERS, 3, dpi=200)
    labels = [c for c in CHARACTERS for _ in range(3)]
    for c, (x, y) in zip(labels, collecting.box_places(len(labels))):
        shape = hands()["architects-daughter"].shape(c, rng)
        size = rng.uniform(6.5, 8) * f
        ink = rasterise([s * size for s in shape.strokes], 0, shape.filled)[0]
        h, w = ink.shape
        left, top = (round((a + 6 + rng.uniform(-1, 1)) * f) for a in (x, y))
        view = out[top - h // 2 :, left - w // 2 :][:h, :w]
        view[:] = np.minimum(view, 255 - (0.8 * ink).astype(np.uint8))
    return out


def phone(sheet, degrees, about, turn=0, bend=6.0, width=1200, shadow=0.5) -> np.ndarray:
    """A sheet as a phone sees it: leaning by degrees about an axis, turned on the table, one corner
    off by `bend` millimetres, half of it in a shadow."""
    height = round(1.4 * width)
    if turn in (90, 270):
        width, height = height, width
    focus, t, axis, spin = 1.1 * max(width, height), *np.radians([degrees, about, turn])
    n = np.array([np.sin(t) * np.cos(axis), np.sin(t) * np.sin(axis), np.cos(t)])
    u = np.cross([0, 1, 0], n) / np.linalg.norm(np.cross([0, 1, 0], n))
    v, depth = np.cross(n, u), 460.0  # millimetres from the camera to the middle of the sheet
    unit = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(float)
    rays = np.dstack([(unit - [width / 2, height / 2]) / focus, np.ones((height, width))])
    points = rays * (depth * n[2] / (rays @ n))[..., None] - [0, 0, depth]
    x, y = points @ u, points @ v
    x, y = np.cos(spin) * x + np.sin(spin) * y, np.cos(spin) * y - np.sin(spin) * x
    mm = np.dstack([x + 105, y + 148.5])
    off = np.clip((mm[..., 0] - 130) / 80, 0, 1) * np.clip((mm[..., 1] - 200) / 97, 0, 1)
    at = ((mm + bend * off[..., None] ** 1.5) * sheet.shape[0] / 297).astype(np.float32)
    seen = cv2.remap(sheet, at, None, cv2.INTER_AREA, borderValue=70).astype(float)
    fall = 1 / (1 + np.exp(-(unit @ [0.8, 0.6] - 0.8 * width) / (0.02 * width)))
    seen = cv2.GaussianBlur(0.9 * seen * (1 - shadow * fall), (0, 0), 0.8)
    seen += np.random.default_rng(0).normal(0, 3, seen.shape)
    return np.clip(seen, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("about", "turn", "bend"),
    [(0, 0, 6.0), (90, 0, 6.0), (45, 180, 6.0), (-135, 12, -6.0), (200, 90, 6.0)],
)
def test_a_sheet_survives_a_phone(sheet, about, turn, bend):
    from customocr.recognition import Reader

    got = collecting.collect_sheet(phone(sheet, 25, about, turn, bend))
    labels = [c for c in CHARACTERS for _ in range(3)]
    assert list(got.labels) == labels and not got.left
    said = Reader(lines=False).classify(got.glyphs).argmax(1)
    right = [CHARACTERS[k] == label for k, label in zip(said, labels)]
    alike = [{CHARACTERS[k], c} in ({*"0O"}, {*"1I"}) for k, c in zip(said, labels)]
    assert np.mean(np.array(right) | alike) >= 0.95


SIGNS = "+-=/.,()%:?"


def written(characters: str, hand: str, seed: int, pen: float) -> tuple[np.ndarray, list, list]:
    "A sheet filled by a font and a hand for signs; the labels; the clean ink of each box."
    from customocr.pictures import hands
    from customocr.writing.compose import rasterise
    from customocr.writing.signs import sign_hand, sign_shape

    rng, f, inks = np.random.default_rng(seed), 200 / 25.4, []
    out, signs = collecting.sheet_picture(characters, 2, dpi=200), sign_hand(rng)
    labels = [c for c in characters for _ in range(2)]
    for c, (x, y) in zip(labels, collecting.box_places(len(labels))):
        sign = c in SIGNS
        shape = sign_shape(c, signs, rng) if sign else hands()[hand].shape(c, rng)
        size = rng.uniform(6, 8) * f
        points = [s * size for s in shape.strokes]
        ink = rasterise(points, pen * f if sign else 0, shape.filled)[0]
        h, w = ink.shape
        left, top = (round((a + 6 + rng.uniform(-1, 1)) * f) for a in (x, y))
        view = out[top - h // 2 :, left - w // 2 :][:h, :w]
        view[:] = np.minimum(view, 255 - (0.8 * ink).astype(np.uint8))
        inks.append(ink)
    return out, labels, inks


@pytest.mark.parametrize(
    ("hand", "pen", "about", "turn", "bend"),
    [
        ("patrick-hand", 0.5, 0, 0, 6.0),
        ("architects-daughter", 0.6, 90, 180, -6.0),
        ("shadows-into-light", 0.8, 225, 350, 6.0),
        ("patrick-hand", 1.0, 315, 90, -6.0),
    ],
)
def test_every_box_of_a_sheet_with_signs_survives_a_phone(hand, pen, about, turn, bend):
    from customocr.glyphs import normalise_glyph

    sheet, labels, inks = written(CHARACTERS + SIGNS, hand, about, pen)
    got = collecting.collect_sheet(phone(sheet, 25, about, turn, bend))
    assert list(got.labels) == labels and not got.left
    clean = np.stack([normalise_glyph(ink) for ink in inks])
    pairs = zip(got.glyphs.reshape(len(labels), -1), clean.reshape(len(labels), -1))
    alike = np.array([np.corrcoef(a, b)[0, 1] for a, b in pairs])
    assert (alike > 0.6).mean() > 0.95, [labels[k] for k in np.flatnonzero(alike < 0.6)]


def test_an_empty_box_is_named_and_an_empty_sheet_refused(sheet):
    f = 200 / 25.4
    x, y = (collecting.box_places(40)[31] * f).round().astype(int)
    bare = sheet.copy()
    bare[y + 3 : y + 91, x + 3 : x + 91] = 255
    got = collecting.collect_sheet(phone(bare, 10, 0))
    assert len(got.labels) == 107 and got.left == ("page 1: a box for A is empty",)
    with pytest.raises(DataError, match="every box of the sheet is empty"):
        collecting.collect_sheet(collecting.sheet_picture("ABC", 3, dpi=150))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p: np.full_like(p, 200), "no sheet in the photo"),
        (lambda p: cv2.resize(p, None, fx=0.3, fy=0.3), "no sheet|covered|too small"),
        (lambda p: np.hstack([p, p]), "more than one sheet"),
        (lambda p: cv2.rectangle(p.copy(), (0, 0), (200, 260), 90, -1), "upper left mark"),
        (lambda p: cv2.rectangle(p.copy(), (250, 120), (700, 190), 90, -1), "strip of cells"),
    ],
    ids=["none", "small", "two", "mark", "strip"],
)
def test_a_bad_photo_is_explained_and_nothing_written(sheet, tmp_path, capsys, spoil, said):
    import re

    from customocr.cli import main

    photo = cv2.resize(sheet, (1000, 1414), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "photo.png"), spoil(photo))
    assert main(["collect", str(tmp_path / "photo.png"), "--out", str(tmp_path / "mine")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and re.search(said, err) and "photo.png" in err
    assert not (tmp_path / "mine").exists()


def test_one_bad_photo_of_several_leaves_the_folder_as_it_was(sheet, tmp_path, capsys):
    from customocr.cli import main

    folder, good, bad = tmp_path / "mine", tmp_path / "good.png", tmp_path / "bad.png"
    save_examples(folder, strokes(2), ["A", "B"])
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    photo = phone(sheet, 10, 0)
    cv2.imwrite(str(good), photo)
    cv2.imwrite(str(bad), np.full_like(photo, 180))
    assert main(["collect", str(good), str(bad), "--out", str(folder)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "bad.png: no sheet in the photo" in err
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"NOBODY QUICKLY\nJUMPED OVER\nLOUD FOXES", "the text does not fit the page"),
        (b" \n", "the text is empty"),
        (b"\xff\xfe\xff", "not UTF-8"),
        (None, "No such file"),
    ],
    ids=["another text", "no text", "no UTF-8", "no file"],
)
def test_a_text_that_does_not_fit_is_explained_and_nothing_written(tmp_path, capsys, text, said):
    from customocr.cli import main
    from customocr.pictures import write

    page, words, folder = (tmp_path / name for name in ("page.png", "page.txt", "mine"))
    cv2.imwrite(str(page), write(["PIZZA 24", "TEA 305"], seed=5).image)
    if text is not None:
        words.write_bytes(text)
    assert main(["collect", str(page), "--text", str(words), "--out", str(folder)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and said in err and not folder.exists()


def test_the_command_goes_from_sheet_to_contact_sheet(sheet, tmp_path, capsys):
    from customocr.cli import main

    out = str(tmp_path / "sheet.png")
    assert main(["sheet", "--chars", "AB C+é", "--copies", "2", "--out", out]) == 0
    blank = cv2.imread(out, cv2.IMREAD_GRAYSCALE)
    where = collecting.sheet_map(collecting.find_marks(blank))
    assert collecting.read_strip(collecting.straighten(blank, where)) == ("ABC+é", 2, 1)
    assert main(["sheet", "--chars", "A", "--out", out]) == 2
    assert "is there already" in capsys.readouterr().err

    cv2.imwrite(str(tmp_path / "photo.png"), phone(sheet, 10, 0))
    folder, look = str(tmp_path / "mine"), str(tmp_path / "look.png")
    assert main(["collect", str(tmp_path / "photo.png"), "--out", folder]) == 0
    assert "108 examples added" in capsys.readouterr().out
    rows = read_manifest(folder)
    assert len(rows) == 108 and all(0 <= r.doubt <= 1 and len(r.box) == 4 for r in rows)
    assert main(["collect", "--look", folder, "--out", look]) == 0
    assert cv2.imread(look).shape[1] > 600
    assert main(["collect", "--look", folder, "--out", look]) == 2


def test_the_same_photo_adds_nothing_a_second_time(sheet, tmp_path, capsys):
    from dataclasses import replace

    from customocr.cli import main

    photo = phone(sheet, 10, 0)
    for name in ("one.png", "copy.png"):
        cv2.imwrite(str(tmp_path / name), photo)
    folder = tmp_path / "mine"
    both = [str(tmp_path / "one.png"), str(tmp_path / "copy.png")]
    assert main(["collect", *both, "--out", str(folder)]) == 0
    assert "copy.png: 108 of its examples are in" in capsys.readouterr().err
    rows = read_manifest(folder)
    assert len(rows) == 108 and {r.source for r in rows} == {both[0]}
    # what its user has corrected or left out is there all the same
    changed = [replace(rows[0], label="Q"), replace(rows[1], keep=False), *rows[2:]]
    collecting.write_manifest(folder, changed)
    assert main(["collect", both[1], "--out", str(folder)]) == 0
    said = capsys.readouterr()
    assert "nothing new" in said.out and read_manifest(folder) == changed
    (folder / rows[5].file).unlink()
    collecting.write_manifest(folder, changed[:5] + changed[6:])
    assert main(["collect", both[1], "--out", str(folder)]) == 0
    assert "1 examples added" in capsys.readouterr().out


def test_a_taught_network_doubts_its_own_classes():
    class Taught:
        symbols = CHARACTERS + "+é"

        def likelihoods(self, glyphs):
            p = np.full((len(glyphs), 38), 0.01)
            p[:, 36], p[:, 37] = 0.5, 0.13
            return p

    found = collecting.doubts_of(Taught(), strokes(4), ["+", "é", "A", "%"])
    assert found == [0.5, pytest.approx(0.87), pytest.approx(0.99), None]


def test_many_characters_go_on_several_pages_in_a_pdf(tmp_path):
    pytest.importorskip("fpdf", reason="needs the extra pdf")
    pdfium = pytest.importorskip("pypdfium2", reason="needs the extra pdf")
    characters = "".join(map(chr, range(0x3B1, 0x3C9))) + CHARACTERS
    collecting.write_sheet(tmp_path / "sheet.pdf", characters, copies=5)
    pages = pdfium.PdfDocument(tmp_path / "sheet.pdf")
    said = ""
    for page in pages:
        grey = cv2.cvtColor(page.render(scale=2).to_numpy()[..., :3], cv2.COLOR_BGR2GRAY)
        where = collecting.sheet_map(collecting.find_marks(grey))
        said += collecting.read_strip(collecting.straighten(grey, where))[0]
    assert said == characters and len(pages) == 3


def test_a_page_and_its_text_are_aligned(tmp_path):
    from customocr.pictures import write

    text = "PIZZA 24\nSHAWARMA 17\nTEA 305"
    page = write(text.split("\n"), seed=5).image
    got = collecting.collect_page(page, text)
    whole = text.replace(" ", "").replace("\n", "")
    assert len(got.labels) + len(got.left) == len(whole) and len(got.labels) >= 0.8 * len(whole)
    again = collecting.collect_page(page, text.replace("TEA", "TXEA"))  # a letter too many
    assert "line 3: X is not surely found" in again.left
    with pytest.raises(DataError, match="the text does not fit the page"):
        collecting.collect_page(page, "NOBODY QUICKLY\nJUMPED OVER\nLOUD FOXES")


def test_alignment_keeps_a_misread_character_between_sure_ones_only():
    classes = collecting.CLASSES
    read, text = "PILLA7", "PIZZAX"
    said = np.full((6, 36), 0.002)
    said[range(6), [classes.index(c) for c in read]] = 0.93
    costs = collecting.pair_costs(said, text)
    pairs = collecting.align(costs)
    assert pairs == [(k, k) for k in range(6)]
    gap = collecting.pair_costs(said, "PIA7")
    kept = collecting.sure_pairs(gap, collecting.align(gap))
    assert ["PIA7"[j] for _, j in kept] == list("PIA7")


def test_ink_that_stands_for_two_characters_is_neither():
    "The line network may read two letters in one piece of ink."
    ink = [np.full((4, 4), k, np.uint8) for k in (1, 2, 2, 3)]
    chosen = [(None, None, SimpleNamespace(ink=one)) for one in ink]
    pairs = [(k, k) for k in range(4)]
    assert collecting._apart(pairs, chosen, "ASPT") == [(0, 0), (3, 3)]
    assert collecting._apart(pairs, chosen, "ALLT") == pairs
