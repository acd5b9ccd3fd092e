"""Files of many pages are read page by page, and what is written is what others' programs and
published rules expect."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from customocr import samples
from customocr.batch import read_many
from customocr.errors import ImageError
from customocr.formats import writers
from customocr.formats.sources import PageSource, count_pages, find, load_page, pages_of
from customocr.formats.writers import FORMATS, Result
from customocr.recognition import Reader

HERE = Path(__file__).parent
Image = pytest.importorskip("PIL.Image", reason="pillow makes the files that are read")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.fixture(scope="module")
def result(reader) -> Result:
    "A page of four lines."
    return Result(PageSource("scans/a & b <1>.png"), reader.read(samples.page("lines")))


@pytest.fixture(scope="module")
def turned(reader) -> Result:
    "A page that lies on its side, and was read turned."
    pixels = np.ascontiguousarray(np.rot90(cv2.imread(str(samples.page("lines")))))
    page = reader.read(pixels)
    assert page.rotation == 90
    return Result(PageSource("turned.png"), page)


def command(*arguments, **options) -> subprocess.CompletedProcess:
    "Run `customocr read` as a shell does."
    line = [sys.executable, "-m", "customocr", "read", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, timeout=300, **options)


def stack(names) -> list:
    "Sample pages as PIL images."
    return [Image.open(samples.page(name)).convert("RGB") for name in names]


# --- what is read


@pytest.mark.parametrize("kind", ["tif", "tif, fax", "gif", "pdf"])
def test_every_page_of_a_file_is_read(kind, reader, tmp_path):
    names = ("hello", "letter_m", "lines")
    suffix, pages = kind.split(",")[0], []
    for page in stack(names):  # frames of a GIF have one size
        pages.append(Image.new("RGB", (640, 400), page.getpixel((0, 0))))
        pages[-1].paste(page, (10, 5))
    options = (
        {"compression": "group4"} if "fax" in kind else {"resolution": 200} if kind == "pdf" else {}
    )
    if suffix == "pdf":
        pytest.importorskip("pypdfium2", reason="the extra pdf is not installed")
    if "fax" in kind:
        pages = [page.convert("L").point(lambda v: 255 * (v > 140)).convert("1") for page in pages]
    file = tmp_path / f"three.{suffix}"
    pages[0].save(file, save_all=True, append_images=pages[1:], **options)
    results = list(read_many(str(file), reader))
    assert [r.source.label for r in results] == [f"{file}, page {k} of 3" for k in (1, 2, 3)]
    assert results[0].text == "HELLO WORLD" and results[1].text == "M"
    assert len(results[2].page.lines) == 4
    assert [r.text for r in read_many(file.read_bytes(), reader)] == [r.text for r in results]


def test_a_tiff_of_fifty_pages(reader, tmp_path):
    page = cv2.imread(str(samples.page("letter_m")), 0)
    file = tmp_path / "fifty.tif"
    cv2.imwritemulti(str(file), [page if k % 2 else 255 - page for k in range(50)])
    assert [r.text for r in read_many(str(file), reader)] == ["M"] * 50


def test_thumbnails_in_a_tiff_are_no_pages(tmp_path):
    pages = stack(["hello", "lines"])
    thumbnail = pages[0].resize((60, 12))
    thumbnail.encoderinfo = {"tiffinfo": {254: 1}}
    file = tmp_path / "thumb.tif"
    pages[0].save(file, save_all=True, append_images=[thumbnail, pages[1]])
    assert count_pages(str(file)) == 2
    second = load_page(PageSource(str(file), 2, 2))
    assert second.shape[:2] == pages[1].size[::-1]


def test_a_heic_photo_is_read(reader, tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    file = tmp_path / "photo.heic"
    heif.from_pillow(stack(["lines"])[0]).save(str(file), quality=95)
    (read,) = read_many(str(file), reader)
    assert len(read.page.lines) == 4 and not read.error


def test_folders_patterns_and_addresses(reader, tmp_path):
    for place in ("b/page10.png", "b/page9.png", "a.png", ".hidden/x.png", "b/notes.txt"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copy(samples.page("hello"), tmp_path / place)
    seen = lambda *names: [s.base for s in find([str(n) for n in names])]
    assert seen(tmp_path) == ["a", "b/page9", "b/page10"], (
        "numbers count as numbers, hidden folders are left alone"
    )
    assert seen(tmp_path / "b/*.png") == ["page9", "page10"]
    assert seen(tmp_path / "**/page*.png") == ["b/page9", "b/page10"]
    assert seen(tmp_path / "a.png", tmp_path / "a.png") == ["a", "a"]
    pytest.importorskip("fsspec", reason="the extra cluster is not installed")
    shutil.make_archive(str(tmp_path / "pages"), "zip", tmp_path / "b")
    address = f"zip://*.png::{tmp_path / 'pages.zip'}"
    assert [r.text for r in read_many(address, reader)] == ["HELLO WORLD"] * 2
    assert [r.text for r in read_many(f"file://{tmp_path / 'a.png'}", reader)] == ["HELLO WORLD"]


def test_names_that_differ_in_the_suffix_only_keep_it(tmp_path):
    for name in ("a.png", "a.jpg"):
        (tmp_path / name).write_bytes(b"")
    assert sorted(s.base for s in find([str(tmp_path)])) == ["a.jpg", "a.png"]


def test_what_is_wrong_with_a_page_names_file_and_page(reader, tmp_path):
    pytest.importorskip("pypdfium2", reason="the extra pdf is not installed")
    file = tmp_path / "torn.pdf"
    file.write_bytes(b"%PDF-1.4\ntorn off")
    (torn,) = read_many(str(file), reader)
    assert torn.page is None and torn.error == f"{file}: is a damaged PDF"
    (nothing,) = read_many("s3x://nowhere/page.png", reader)
    assert nothing.error.startswith("s3x://nowhere/page.png: cannot be opened")


def test_a_damaged_page_of_a_pdf_is_one_line():
    pytest.importorskip("pypdfium2", reason="the extra pdf is not installed")
    fpdf = pytest.importorskip("fpdf", reason="the extra pdf is not installed")
    document = fpdf.FPDF()
    document.add_page()
    document.add_page()
    data = bytes(document.output()).replace(b"/Type /Page\n", b"/Type /Pxge\n", 1)
    (first, second) = pages_of("file", "file", data)
    with pytest.raises(ImageError, match="is a damaged page of a PDF"):
        load_page(first)
    assert load_page(second).ndim == 3


def test_a_damaged_heic_photo_is_one_line():
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    Image.fromarray(np.full((64, 64, 3), 255, np.uint8)).save(file, "HEIF")
    data = file.getvalue()
    for damaged in (data[:-20], data.replace(b"meta\0", b"meta\x40", 1)):
        (page,) = pages_of("file", "file", damaged)
        with pytest.raises(ImageError, match="^file: is a damaged HEIC photo [^\n]*$"):
            load_page(page)


# --- what is written


def test_json_keeps_to_its_schema(result):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = json.loads((Path(writers.__file__).parents[1] / "schema/page-1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema).validate
    document = json.loads(FORMATS["json"].write(result, None))
    check(document)
    assert document["version"] == writers.SCHEMA_VERSION and document["text"] == result.text
    check(
        writers.to_json(Result(PageSource("x.tif", 2, 3), None, "x.tif, page 2 of 3: is damaged"))
    )
    for broken in ({"version": 2}, {"lines": None}, {"rotation": 45}):
        with pytest.raises(jsonschema.ValidationError):
            check(document | broken)


def test_a_program_made_for_tesseracts_table_reads_ours(result):
    pandas = pytest.importorskip("pandas", reason="pandas reads the table")
    text = FORMATS["tsv"].join([FORMATS["tsv"].write(result, None)]).decode()
    # as pytesseract.image_to_data(..., output_type=Output.DATAFRAME) does it
    table = pandas.read_csv(io.StringIO(text), sep="\t", quoting=3)
    words = table[table.conf >= 0]
    lines = words.groupby(["page_num", "block_num", "par_num", "line_num"]).text.apply(
        lambda w: " ".join(map(str, w))
    )
    assert "\n".join(lines) == result.text
    assert (words.level == 5).all() and words.conf.between(0, 100).all()
    assert list(table.level.unique()) == [1, 2, 3, 4, 5]


def test_tesseract_writes_the_same_columns(tmp_path):
    if not shutil.which("tesseract"):
        pytest.skip("tesseract is not installed")
    subprocess.run(
        ["tesseract", samples.page("hello"), tmp_path / "t", "tsv"], capture_output=True, check=True
    )
    assert (tmp_path / "t.tsv").read_text().splitlines()[0].split("\t") == writers.TSV_COLUMNS


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_hocr_keeps_to_its_specification(result, turned, tmp_path):
    hocr_spec = pytest.importorskip("hocr_spec", reason="hocr-spec is not installed")
    for n, each in enumerate((result, turned)):
        file = tmp_path / f"{n}.hocr"
        file.write_bytes(FORMATS["hocr"].join([FORMATS["hocr"].write(each, None)]))
        report = hocr_spec.HocrValidator("standard").validate(str(file))
        assert report.is_valid(), report.format("text")
        words = [e for e in ElementTree.parse(file).iter() if e.get("class") == "ocrx_word"]
        assert ["".join(e.itertext()) for e in words] == each.text.split()
    assert "textangle 90" in file.read_text()


def schema(name: str):
    "One of the published schemas, with what it imports taken from beside it."
    etree = pytest.importorskip("lxml.etree", reason="lxml is not installed")
    text = (HERE / "schemas" / name).read_bytes()
    text = text.replace(
        b"http://www.loc.gov/standards/xlink/xlink.xsd",
        (HERE / "schemas/xlink.xsd").as_uri().encode(),
    )
    return etree.XMLSchema(etree.fromstring(text))


@pytest.mark.parametrize("name, file", [("alto", "alto-4-4.xsd"), ("page", "page-2019-07-15.xsd")])
def test_alto_and_page_keep_to_their_schemas(name, file, result, turned):
    from lxml import etree

    rules = schema(file)
    failed = Result(PageSource("x.png"), None, "x.png: is damaged")
    for each in (result, turned, failed):
        document = etree.fromstring(FORMATS[name].write(each, None))
        rules.assertValid(document)
    document = etree.fromstring(FORMATS[name].write(result, None))
    words = document.xpath("//*[local-name()='String']/@CONTENT") or document.xpath(
        "//*[local-name()='Word']/*[local-name()='TextEquiv']/*[local-name()='Unicode']/text()"
    )
    assert words == result.text.split()


def words_of(pdf: bytes, tmp_path) -> list:
    "Words that pdftotext finds: (page, text, left, top, right, bottom) in points."
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) is not installed")
    file = tmp_path / "found.pdf"
    file.write_bytes(pdf)
    said = subprocess.run(
        ["pdftotext", "-bbox", file, "-"], capture_output=True, text=True, check=True
    ).stdout
    tree, found = ElementTree.fromstring(said[said.index("<html") :]), []
    for number, page in enumerate((e for e in tree.iter() if e.tag.endswith("page")), 1):
        for word in page:
            found.append(
                (number, word.text, *(float(word.get(k)) for k in ("xMin", "yMin", "xMax", "yMax")))
            )
    return found


def overlap(a, b) -> float:
    "Area that two boxes (left, top, right, bottom) share, as a part of what they cover together."
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    area = lambda r: (r[2] - r[0]) * (r[3] - r[1])
    both = max(0, wide) * max(0, high)
    return both / (area(a) + area(b) - both)


def assert_in_place(found, page, scale):
    "The words found are those of the page, and lie where they were read."
    boxes = [
        (w.text, [v * scale for v in writers._corners(w.box)])
        for line in page.lines
        for w in line.words
    ]
    assert sorted(text for _, text, *_ in found) == sorted(text for text, _ in boxes)
    for text, box in boxes:
        best = max(overlap(box, other) for _, name, *other in found if name == text)
        assert best > 0.7, f"{text}: {best:.2f}"


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_text_of_a_searchable_pdf_lies_on_the_words(suffix, reader, tmp_path):
    pytest.importorskip("fpdf", reason="the extra pdf is not installed")
    file = tmp_path / f"page.{suffix}"
    Image.open(samples.page("lines")).convert("RGB").save(file, dpi=(150, 150))
    (read,) = read_many(str(file), reader)
    pdf = writers.searchable_pdf(read, str(file))
    assert_in_place(words_of(pdf, tmp_path), read.page, 72 / 150)
    if suffix == "jpg":
        assert file.read_bytes()[-2000:] in pdf, "the JPEG is stored as it is"
    pypdfium2 = pytest.importorskip("pypdfium2")
    shown = pypdfium2.PdfDocument(pdf)[0].render(scale=150 / 72).to_numpy()
    page = cv2.imread(str(file))
    shown = cv2.resize(shown, page.shape[1::-1])
    assert np.abs(shown.astype(int) - page).mean() < 3, "the picture is seen, the text is not"


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_text_of_a_turned_page_lies_on_its_words(angle, reader, tmp_path):
    pytest.importorskip("fpdf", reason="the extra pdf is not installed")
    pixels = np.ascontiguousarray(np.rot90(cv2.imread(str(samples.page("lines"))), angle // 90))
    page = reader.read(pixels)
    assert page.rotation == angle
    found = words_of(writers.searchable_pdf(Result(PageSource("x"), page), pixels), tmp_path)
    assert_in_place(found, page, 72 / writers.DPI)


@pytest.mark.parametrize("rotate", [0, 90])
def test_text_goes_over_the_pages_of_a_pdf(rotate, reader, tmp_path):
    pikepdf = pytest.importorskip("pikepdf", reason="the extra pdf is not installed")
    file = tmp_path / "scan.pdf"
    first, second = stack(["hello", "lines"])
    first.save(file, save_all=True, append_images=[second], resolution=100)
    if rotate:  # lies on its side in the file, and is shown upright
        with pikepdf.open(file, allow_overwriting_input=True) as pdf:
            for page in pdf.pages:
                page.rotate(rotate, relative=False)
            pdf.save(file)
    done = command(file, "--format", "pdf", "--out", tmp_path / "out.pdf")
    assert done.returncode == 0, done.stderr
    results = list(read_many(str(file), reader))
    words = words_of((tmp_path / "out.pdf").read_bytes(), tmp_path)
    assert {w[0] for w in words} == {1, 2}
    for r in results:
        assert_in_place([w for w in words if w[0] == r.source.page], r.page, 72 / 200)


def test_letters_beyond_ascii_come_through(result, tmp_path):
    from dataclasses import replace

    line = result.page.lines[0]
    word = line.words[0]
    letters = "ÄŁΩЖ字"
    characters = tuple(replace(word.characters[0], text=c) for c in letters)
    page = replace(
        result.page, lines=(replace(line, words=(replace(word, characters=characters),)),)
    )
    odd = Result(result.source, page)
    for name in ("text", "json", "tsv", "hocr", "alto", "page"):
        text = (
            re.sub("<.*?>", "", FORMATS[name].write(odd, None).decode())
            if name == "hocr"
            else FORMATS[name].write(odd, None).decode()
        )
        assert letters in text, name
    pytest.importorskip("fpdf", reason="the extra pdf is not installed")
    pdf = writers.searchable_pdf(odd, str(samples.page("lines")))
    assert [w[1] for w in words_of(pdf, tmp_path)] == [letters]


# --- the shapes of other programs


def test_readtext_has_easyocrs_shape(reader):
    rows = reader.readtext(str(samples.page("lines")))
    page = reader.read(samples.page("lines"))
    assert [text for _, text, _ in rows] == page.text.split("\n")
    for corners, text, confidence in rows:
        (left, top), (right, _), (_, bottom), (same, _) = corners
        assert left < right and top < bottom and same == left and 0 < confidence <= 1
    assert reader.readtext(samples.page("lines").read_bytes(), detail=0) == page.text.split("\n")
    assert (
        reader.readtext(str(samples.page("hello")), detail=0, allowlist="0123456789")[0]
        .replace(" ", "")
        .isdigit()
    )


def test_image_to_data_has_pytesseracts_shape(reader):
    data = reader.image_to_data(Image.open(samples.page("lines")))
    assert list(data) == writers.TSV_COLUMNS and len({len(column) for column in data.values()}) == 1
    assert " ".join(t for t, c in zip(data["text"], data["conf"]) if c >= 0) == " ".join(
        reader.read(samples.page("lines")).text.split()
    )


# --- OCRmyPDF and a web service


@pytest.mark.parametrize("renderer", ["auto", "sandwich"])
def test_ocrmypdf_reads_with_the_plugin(renderer, reader, tmp_path):
    pytest.importorskip("ocrmypdf", reason="the extra ocrmypdf is not installed")
    if not shutil.which("gs"):
        pytest.skip("ghostscript is not installed")
    source, out = tmp_path / "in.pdf", tmp_path / "out.pdf"
    first, second = stack(["hello", "lines"])
    first.save(source, save_all=True, append_images=[second], resolution=150)
    line = [sys.executable, "-m", "ocrmypdf", "--plugin", "customocr.ocrmypdf", "--jobs", "1"]
    line += ["--pdf-renderer", renderer, "--sidecar", tmp_path / "text.txt", source, out]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "text.txt").read_text().startswith("HELLO WORLD")
    words = words_of(out.read_bytes(), tmp_path)
    page = reader.read(samples.page("hello"))
    assert [w[1] for w in words if w[0] == 1] == ["HELLO", "WORLD"]
    for (_, text, *box), word in zip(words, page.lines[0].words):
        wanted = [v * 72 / 150 for v in writers._corners(word.box)]
        assert overlap(box, wanted) > 0.4, f"{text}: {box} is not {wanted}"


def test_ocrmypdf_turns_a_page_that_lies_on_its_side(tmp_path):
    pytest.importorskip("ocrmypdf", reason="the extra ocrmypdf is not installed")
    if not shutil.which("gs"):
        pytest.skip("ghostscript is not installed")
    source, out = tmp_path / "in.pdf", tmp_path / "out.pdf"
    stack(["lines"])[0].rotate(90, expand=True).save(source, resolution=150)
    line = [
        sys.executable,
        "-m",
        "ocrmypdf",
        "--plugin",
        "customocr.ocrmypdf",
        "--jobs",
        "1",
        "--rotate-pages",
        source,
        out,
    ]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    pypdfium2 = pytest.importorskip("pypdfium2")
    width, height = pypdfium2.PdfDocument(str(out))[0].get_size()
    assert width > height, "it stands upright now"


def test_the_web_service_of_the_docs_reads(reader):
    testclient = pytest.importorskip("fastapi.testclient", reason="fastapi is not installed")
    pytest.importorskip("multipart", reason="python-multipart is not installed")
    page = (HERE.parent / "nbs/web_service.qmd").read_text(encoding="utf8")
    service, uses = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len([line for line in service.splitlines() if line]) <= 10
    names = {}
    exec(uses + service, names)
    client = testclient.TestClient(names["app"])
    answer = client.post("/read", files={"file": samples.page("hello").read_bytes()})
    assert answer.status_code == 200 and answer.json()[0]["text"] == "HELLO WORLD"
    assert client.post("/read", files={"file": b"no image"}).status_code == 422


# --- the command


def test_the_command_writes_one_file_or_a_folder(tmp_path):
    page = samples.page("hello")
    assert command(page, "--out", tmp_path / "one.hocr").returncode == 0
    assert b"ocrx_word" in (tmp_path / "one.hocr").read_bytes()
    assert command(page, "--format", "tsv", input=b"").stdout.startswith(b"level\tpage_num")
    done = command(
        page, "--out", tmp_path / "all", *(a for name in FORMATS for a in ("--format", name))
    )
    assert done.returncode == 0, done.stderr
    made = sorted(f.name for f in (tmp_path / "all").iterdir() if f.is_file())
    assert made == sorted([f"hello{f.suffix}" for f in FORMATS.values()] + ["report.csv"])
    assert not list((tmp_path / "all/.customocr/new").glob("*"))
