"""Examples of one's own: the manifest, folders and zips of classes, the printed sheet, the page."""

import os
import zipfile

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


@pytest.mark.parametrize(
    ("entry", "flag", "said"),
    [("../A/1.png", 0, "leads out"), ("/A/1.png", 0, "leads out"), ("A/1.png", 1, "encrypted")],
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
