"""The site as its readers meet it: in Chromium, without the network.

The drawing page is plain files and is tested wherever npm and Chromium are; the rendered site where
Quarto is as well. Screenshots are left in artefacts/.
"""

import base64
import html
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
ARTEFACTS = ROOT / "artefacts"
SITE = ROOT / "_site"
sys.path.insert(0, str(ROOT / "tools"))
from measure_site import CHROMIUM, FLAGS, PHONE, WIDE, measure, served

# ---- what the tests stand on


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip(
            "no Chromium on PATH (Debian: apt-get install chromium): pages are not looked at in a"
            " browser"
        )
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """visit(address, size): an opened page. At the end, nothing may have gone wrong in it or left
    this machine."""
    complaints, contexts = [], []

    def open_page(address: str, size: dict = WIDE, **options):
        context = browser.new_context(viewport=size, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on(
            "console",
            lambda m: (
                complaints.append(f"console: {m.text}") if m.type in ("error", "warning") else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on(
            "request",
            lambda r: complaints.append(f"request: {r.url}") if is_elsewhere(r.url) else None,
        )
        page.on(
            "response",
            lambda r: complaints.append(f"{r.status}: {r.url}") if r.status >= 400 else None,
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def is_elsewhere(url: str) -> bool:
    parts = urlparse(url)
    return parts.scheme not in ("data", "blob", "about") and parts.hostname != "127.0.0.1"


def screenshot(page, name: str):
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


@pytest.fixture(scope="session")
def draw_page(tmp_path_factory):
    "Address of the drawing page, built anew."
    import build_draw

    folder = tmp_path_factory.mktemp("site")
    try:
        build_draw.build(folder / "draw")
    except build_draw.NoNpm as error:
        pytest.skip(f"the drawing page cannot be built: {error}")
    with served(folder) as address:
        yield f"{address}/draw/index.html"


@pytest.fixture(scope="session")
def rendered():
    "The log of rendering the whole site to _site."
    quarto = shutil.which("quarto")
    if quarto is None:
        pytest.skip("no quarto on PATH (1.7 or later): the rendered site is not tested")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "QUARTO_PYTHON": sys.executable}
    done = subprocess.run(
        [quarto, "render"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def site(rendered):
    with served(SITE) as address:
        yield address


# ---- the drawing page


def ready(page):
    page.wait_for_selector("html[data-ready]")
    return page


def answer(page) -> str:
    "The text that the page shows once it stands still."
    page.wait_for_function("document.querySelectorAll('.character').length > 0")
    page.wait_for_timeout(600)
    return page.inner_text("#text")


def draw(page, *strokes):
    "Draw with the mouse; points are shares of the pad's width and height."
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=12)
        page.mouse.up()


SEVEN = [(0.42, 0.2), (0.58, 0.2), (0.48, 0.8)]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_drawn_7_is_answered_7(visit, draw_page, size):
    page = ready(visit(draw_page, size))
    draw(page, SEVEN if size is WIDE else [(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)])
    assert answer(page) == "7"
    assert page.locator("#bars .top span").inner_text() == "7"
    assert page.locator("#bars > div").count() == 36
    screenshot(page, f"draw-7-{'wide' if size is WIDE else 'phone'}")


def test_a_finger_draws_too(visit, draw_page):
    page = ready(visit(draw_page, PHONE, has_touch=True, is_mobile=True))
    box = page.locator("#pad").bounding_box()
    devtools = page.context.new_cdp_session(page)
    points = [(0.3, 0.2), (0.5, 0.2), (0.7, 0.2), (0.6, 0.4), (0.5, 0.65), (0.45, 0.8)]
    points = [
        {"x": box["x"] + u * box["width"], "y": box["y"] + v * box["height"]} for u, v in points
    ]
    devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
    for point in points[1:]:
        devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert answer(page) == "7"


def test_a_word_is_read_in_order_with_its_space(visit, draw_page):
    page = ready(visit(draw_page))
    page.click("[data-sample=word]")
    assert answer(page) == "READ 27"
    screenshot(page, "draw-word")
    page.click("#clear")
    page.wait_for_function("document.querySelectorAll('.character').length === 0")
    assert page.is_hidden("#detail")


def test_the_neighbour_rule_is_python_s(visit, draw_page):
    from customocr.confusion_fixes import neighbour_fix

    rng = np.random.default_rng(4)
    words = ["".join(rng.choice(list("0O1I5SAB27 "), rng.integers(1, 9))) for _ in range(200)]
    page = ready(visit(draw_page))
    there = page.evaluate(
        "async (words) => { const { neighbourFix } = await import('./page.js'); return"
        " words.map((word) => neighbourFix(word).join('')); }",
        words,
    )
    assert there == [neighbour_fix(word) for word in words]


def test_an_alphabet_restricts_the_answer(visit, draw_page):
    page = ready(visit(draw_page))
    page.select_option("#alphabet", label="capitals only")
    draw(page, SEVEN)
    assert answer(page).isalpha()


def test_a_photo_is_read_on_a_phone_in_dark_colours(visit, draw_page):
    page = ready(visit(draw_page, PHONE, color_scheme="dark"))
    page.set_input_files("#file", ROOT / "customocr" / "samples" / "pages" / "lines.jpg")
    assert answer(page).startswith("READ THIS PAGE\n")
    assert page.get_attribute("html", "data-theme") == "dark"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "the page is wider than the phone"
    )
    screenshot(page, "draw-photo-phone-dark")


def test_a_high_threshold_breaks_what_a_usual_one_reads(visit, draw_page):
    page = ready(visit(draw_page))
    page.set_input_files("#file", ROOT / "customocr" / "samples" / "pages" / "hello.png")
    assert answer(page) == "HELLO WORLD"
    page.locator("#threshold").fill("200")
    page.wait_for_function("document.getElementById('text').textContent !== 'HELLO WORLD'")
    screenshot(page, "draw-threshold")


def test_a_file_that_is_no_picture_is_refused_in_words(visit, draw_page):
    page = ready(visit(draw_page))
    page.set_input_files(
        "#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"}
    )
    page.wait_for_function("document.getElementById('text').textContent.includes('notes.txt')")
    assert "PNG" in page.inner_text("#text")


def test_nothing_of_an_earlier_answer_stays_under_an_error(visit, draw_page):
    page = ready(visit(draw_page))
    page.click("[data-sample=word]")
    assert answer(page) == "READ 27"
    page.set_input_files(
        "#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"}
    )
    page.wait_for_function("document.getElementById('text').textContent.includes('notes.txt')")
    page.wait_for_timeout(600)
    assert "notes.txt" in page.inner_text("#text")
    assert page.locator(".character").count() == 0
    assert page.is_hidden("#detail") and page.is_hidden("#way") and page.inner_text("#note") == ""


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_line_of_a_photo_is_seen_without_scrolling_in_a_box(visit, draw_page, size):
    page = ready(visit(draw_page, size))
    page.set_input_files("#file", ROOT / "customocr" / "samples" / "pages" / "lines.jpg")
    lines = answer(page).split("\n")
    assert len(lines) == 4
    box = page.locator("#characters").bounding_box()
    last = page.locator(".character").last.bounding_box()
    assert last["y"] + last["height"] <= box["y"] + box["height"] + 1
    assert page.evaluate("characters.scrollHeight <= characters.clientHeight + 1")
    screenshot(page, f"draw-lines-{'wide' if size is WIDE else 'phone'}")


def test_limits_stand_by_the_button_and_a_phone_has_its_camera(visit, draw_page):
    page = ready(visit(draw_page, PHONE, has_touch=True, is_mobile=True))
    assert page.get_attribute("#camera", "capture") == "environment"
    assert page.locator("label[for=camera]").is_visible()
    button = page.locator("label[for=file]").bounding_box()
    limits = page.locator(".limits").bounding_box()
    assert 0 <= limits["y"] - button["y"] - button["height"] < 100
    page.set_input_files("#camera", ROOT / "customocr" / "samples" / "pages" / "hello.png")
    assert answer(page) == "HELLO WORLD"
    desk = ready(visit(draw_page))
    assert desk.locator("label[for=camera]").is_hidden()


def test_a_drawing_can_be_kept(visit, draw_page):
    from customocr.recognition import Reader

    page = ready(visit(draw_page))
    assert page.is_disabled("#save")
    page.click("[data-sample=word]")
    assert answer(page) == "READ 27"
    with page.expect_download() as kept:
        page.click("#save")
    assert kept.value.suggested_filename == "drawing.png"
    assert Reader().read(kept.value.path().read_bytes()).text == "READ 27"


def ink_at_other_sizes(count: int) -> list[np.ndarray]:
    """Pixels as a page has them: our own sample glyphs, cut to their ink, at sizes from 9 to 180
    pixels."""
    import cv2

    from customocr.glyphs import ink_box

    with np.load(ROOT / "customocr" / "samples" / "glyphs.npz") as samples:
        images = samples["x"]
    rng = np.random.default_rng(20)
    inks = []
    for glyph in images[rng.choice(len(images), count, replace=len(images) < count)]:
        x, y, w, h = ink_box(glyph)
        scale = rng.uniform(9, 180) / max(w, h)
        size = max(2, round(w * scale)), max(2, round(h * scale))
        inks.append(cv2.resize(glyph[y : y + h, x : x + w], size, interpolation=cv2.INTER_CUBIC))
    return inks


def test_browser_and_python_see_the_same_glyph(visit, draw_page):
    from customocr.glyphs import normalise_glyph
    from customocr.recognition import Reader

    inks = ink_at_other_sizes(200)
    here = np.array([normalise_glyph(ink) for ink in inks])
    page = ready(visit(draw_page))
    cases = [
        {"w": i.shape[1], "h": i.shape[0], "ink": base64.b64encode(i.tobytes()).decode()}
        for i in inks
    ]
    there, probabilities, levelled = page.evaluate(
        """async (cases) => {
            const { normaliseGlyph } = await import("./glyph.js");
            const { classify, likelihoods } = await import("./networks.js");
            const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const glyphs = cases.map(({ w, h, ink }) => normaliseGlyph(bytes(ink), w, h));
            const lists = (rows) => rows.map((row) => [...row]);
            return [glyphs, await classify(glyphs), await likelihoods(glyphs)].map(lists);
        }""",
        cases,
    )
    there = np.array(there).reshape(-1, 28, 28)
    assert (
        np.abs(there - here.astype(int)).max() <= 4
    )  # grey levels of 255: what is left of rounding
    assert np.abs(np.array(probabilities) - Reader().classify(here)).max() <= 0.02
    assert np.abs(np.array(levelled) - Reader().likelihoods(here)).max() <= 0.02


def composed(text: str, touching: float, seed: int) -> np.ndarray:
    "A word in a font of ours on a canvas of the page's size, with its pen: uint8, black on white."
    from customocr import samples
    from customocr.writing.compose import FontHand, compose_line

    hand = FontHand(samples.fonts()["architects-daughter"])
    rng = np.random.default_rng(seed)
    image = compose_line(text, hand, rng, 120, 12, margin=0.1, touching=touching).image
    page = np.full((352, 956), 255, np.uint8)
    h, w = image.shape
    page[40 : 40 + h, 60 : 60 + w] = image
    return page


def read_pixels(page, grey: np.ndarray) -> dict:
    "What the page reads of a picture: its text, and how many connected pieces of ink it found."
    return page.evaluate(
        """async ({ w, h, grey }) => {
            const { readPicture } = await import("./read.js");
            const bytes = Uint8Array.from(atob(grey), (c) => c.charCodeAt(0));
            const { found, lines } = await readPicture(bytes, w, h);
            const word = (characters) => characters.map((c) => c.text).join("");
            const text = lines.map((line) => line.map(word).join(" ")).join("\\n");
            return { text, pieces: found.lines.flat().length };
        }""",
        {
            "w": grey.shape[1],
            "h": grey.shape[0],
            "grey": base64.b64encode(grey.tobytes()).decode(),
        },
    )


def test_letters_that_touch_are_read_one_by_one(visit, draw_page):
    "Every letter runs into the one before it; a network trained anew may lose one word of six."
    page = ready(visit(draw_page))
    texts = ["HELLO", "WATER", "DRAW", "READ", "HOUSE", "90352"]
    found = {text: read_pixels(page, composed(text, 1.0, 4)) for text in texts}
    assert all(f["pieces"] < len(text) for text, f in found.items()), found
    assert sum(f["text"] == text for text, f in found.items()) >= 5, found


def test_the_strip_and_its_steps_are_python_s(visit, draw_page):
    """One strip, the same steps: `lineSteps` against `LineNetwork.steps`, and windows against
    `window_logs`."""
    from customocr.line_network import LINES, LineNetwork, window_logs
    from customocr.recognition import MODELS

    strip = np.zeros((32, 120), np.uint8)
    small = 255 - composed("TABLE", 1.0, 3)[40:200:5, 60:660:5]
    strip[:, : small.shape[1]] = small[:32, :120]
    steps = LineNetwork(MODELS / LINES).steps([strip])[0]
    page = ready(visit(draw_page))
    there, once, nothing = page.evaluate(
        """async (rows) => {
            const { lineSteps } = await import("./networks.js");
            const { windowChances } = await import("./line.js");
            const pixels = Float32Array.from(rows.flat());
            const steps = await lineSteps({ pixels, rows: rows.length, width: rows[0].length });
            const windows = windowChances(steps, 2, [5, 9]);
            const lists = (rows) => rows.map((row) => [...row]);
            const once = lists(windows.map((w) => w.once));
            return [lists(steps), once, windows.map((w) => w.nothing)];
        }""",
        strip.tolist(),
    )
    assert np.abs(np.array(there) - np.exp(steps)).max() < 0.02
    here = window_logs(steps, np.array([2, 2]), np.array([3, 7]))
    assert np.abs(np.array(once) - np.exp(here.once)).max() < 0.02
    assert np.abs(np.array(nothing) - np.exp(here.nothing)).max() < 0.02


def test_what_was_drawn_is_saved_for_teaching(visit, draw_page, tmp_path):
    """A folder for each character, under the label that the user gave it, a picture for each time
    it was drawn; the command takes the zip as it is."""
    import io
    import zipfile

    import cv2

    page = ready(visit(draw_page))
    page.click("[data-sample=word]")
    assert answer(page) == "READ 27"
    assert page.is_disabled("#teaching")
    page.fill("#truth", "REA")
    assert "3 characters typed, 6 boxes" in page.inner_text("#kept") and page.is_disabled("#keep")
    page.fill("#truth", "REED /7")
    page.locator(".character").first.click()
    page.fill("#label", "é")
    page.locator("#label").press("Enter")  # on to the next, which is none
    page.fill("#label", "")
    page.click("#keep")
    assert page.inner_text("#kept") == "Kept: / 1, 7 1, D 1, E 1, é 1."
    page.locator("[data-sample='7']").first.click()
    page.wait_for_function("document.querySelectorAll('.character').length === 1")
    page.click("#keep")
    with page.expect_download() as kept:
        page.click("#teaching")
    assert kept.value.suggested_filename == "drawn.zip"
    with zipfile.ZipFile(io.BytesIO(kept.value.path().read_bytes())) as archive:
        assert archive.testzip() is None
        names = sorted(archive.namelist())
        wanted = ["7/001.png", "7/002.png", "D/001.png", "E/001.png", "U+002F/001.png"]
        assert names == [*wanted, "U+00E9/001.png"]
        for name in names:
            picture = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), 0)
            assert picture[0].min() == 255 and picture.min() == 0 and min(picture.shape) > 20

    from customocr.cli import main
    from customocr.collecting import load_examples
    from customocr.recognition import Reader

    kept.value.save_as(tmp_path / "drawn.zip")
    assert main(["collect", str(tmp_path / "drawn.zip"), "--out", str(tmp_path / "mine")]) == 0
    glyphs, labels, _ = load_examples(tmp_path / "mine")
    assert sorted(labels) == sorted(["7", "7", "D", "E", "/", "é"])
    reader = Reader(lines=False)
    read = [reader.symbols[k] for k in reader.classify(glyphs).argmax(1)]
    # what was typed is the label; the drawn word was READ 27
    assert dict(zip(labels, read)) == {"7": "7", "D": "D", "E": "A", "/": "2", "é": "R"}


def test_a_correction_outlives_the_next_stroke(visit, draw_page):
    page = ready(visit(draw_page))
    draw(page, [(0.12, 0.2), (0.28, 0.2), (0.18, 0.8)])
    assert answer(page) == "7"
    page.fill("#label", "T")
    page.click("#keep")
    draw(page, [(0.62, 0.2), (0.78, 0.2), (0.68, 0.8)])
    page.wait_for_function("document.querySelectorAll('.character').length === 2")
    assert page.locator(".character b").all_inner_texts() == ["T", "7"]
    page.click("#keep")
    assert page.inner_text("#kept") == "Kept: 7 1, T 1."


def small_network(path: Path, classes: list[str], named: str):
    "An ONNX network for glyphs whose every answer is its last class."
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    n = len(classes)
    answer = np.r_[np.full(n - 1, 0.1 / (n - 1)), 0.9].astype(np.float32)
    nodes = [
        helper.make_node("ReduceSum", ["glyphs", "axes"], ["sum"], keepdims=0),
        helper.make_node("Reshape", ["sum", "shape"], ["column"]),
        helper.make_node("Mul", ["column", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "answer"], ["probabilities"]),
    ]
    value = lambda name, array: onnx.numpy_helper.from_array(np.asarray(array), name)
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("glyphs", kind, ["N", 28, 28, 1])],
        [helper.make_tensor_value_info("probabilities", kind, ["N", n])],
        [
            value("axes", np.array([1, 2, 3])),
            value("shape", np.array([-1, 1])),
            value("zero", np.float32(0)),
            value("answer", answer),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    helper.set_model_props(model, {named: "\n".join(classes), "class_shares": " ".join(["1"] * n)})
    onnx.save(model, path)


def test_a_network_of_one_s_own_is_opened(visit, draw_page, tmp_path):
    small_network(tmp_path / "my.onnx", [*"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "+"], "classes")
    page = ready(visit(draw_page))
    page.check("#whole")
    page.click("[data-sample='7']")
    assert answer(page) == "7"
    page.set_input_files("#model", tmp_path / "my.onnx")
    page.wait_for_function("document.getElementById('text').textContent === '+'")
    assert "my.onnx: 37 classes" in page.inner_text("#reads")
    assert page.locator("#bars > div").count() == 37
    page.set_input_files(
        "#model", {"name": "notes.onnx", "mimeType": "", "buffer": b"not a network"}
    )
    page.wait_for_function("document.getElementById('reads').textContent.includes('notes.onnx')")
    assert "is no network" in page.inner_text("#reads") and page.inner_text("#text") == "+"
    page.click("#shipped")
    page.wait_for_function("document.getElementById('text').textContent === '7'")


def test_a_taught_network_reads_its_new_sign(visit, draw_page, tmp_path):
    "What `customocr teach` writes is what the page opens: sums are read, digits still are."
    pytest.importorskip("onnx", reason="teaching needs onnx (extra teach)")
    from customocr import teaching
    from customocr.collecting import save_examples
    from customocr.writing.signs import draw_signs

    save_examples(tmp_path / "mine", *draw_signs("+=", 12, seed=1)[:2], "drawn here")
    taught = teaching.teach(tmp_path / "mine", tmp_path / "mine.onnx")
    page = ready(visit(draw_page))
    page.set_input_files("#model", taught.path)
    page.wait_for_function("document.getElementById('reads').textContent.includes('38 classes')")
    seven = [(0.25, 0.2), (0.37, 0.2), (0.28, 0.8)]
    plus = [[(0.42, 0.5), (0.56, 0.5)], [(0.49, 0.32), (0.49, 0.68)]]
    draw(page, seven, *plus, [(u + 0.4, v) for u, v in seven])
    assert answer(page).replace(" ", "") == "7+7"
    screenshot(page, "draw-taught")


def test_the_page_works_from_the_keyboard(visit, draw_page):
    "Every button can be reached and pressed without a pointer; each field has a name."
    page = ready(visit(draw_page))
    page.focus("[data-sample=word]")
    page.keyboard.press("Enter")
    assert answer(page) == "READ 27"
    page.locator(".character").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".character[aria-pressed=true] b").inner_text() == "R"
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, input, select, canvas[role]")].filter((e) =>
            !(e.textContent.trim() || e.labels?.length || e.ariaLabel)).map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    reached = set()
    page.focus("#undo")
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"clear", "save", "file", "alphabet", "model", "truth", "label", "keep"} <= reached


# ---- the rendered site


class Links(HTMLParser):
    "Addresses that a page points at, its ids, and its pictures without a text."

    def __init__(self, page: Path):
        super().__init__()
        self.links, self.ids, self.untold = [], set(), []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[key] for key in ("id", "name") if attrs.get(key)}
        self.links += [attrs[key] for key in ("href", "src") if attrs.get(key)]
        if tag == "img" and not (
            attrs.get("alt") or attrs.get("aria-label") or attrs.get("role") == "presentation"
        ):
            self.untold.append((attrs.get("src") or "")[:60])


def html_text(page: Path) -> str:
    "A page's text without its tags, as a reader would copy it."
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def pages(rendered) -> dict[Path, Links]:
    found = [page for page in SITE.rglob("*.html") if "site_libs" not in page.parts]
    return {page: Links(page) for page in found}


def test_the_render_log_has_no_warning(rendered):
    bad = [
        line
        for line in rendered.splitlines()
        if re.search(r"\bwarn(ing)?\b|unable to resolve|could not", line, re.I)
    ]
    assert bad == []


def test_every_internal_link_and_picture_exists(pages):
    broken = []
    for page, parsed in pages.items():
        for link in parsed.links:
            if urlparse(link).scheme or link.startswith("//"):
                continue
            path, fragment = urldefrag(link)
            path = unquote(path.split("?")[0])
            target = (
                page
                if not path
                else (SITE / path.lstrip("/") if path.startswith("/") else page.parent / path)
            )
            target = target.resolve()
            target = target / "index.html" if target.is_dir() else target
            name = f"{page.relative_to(SITE)} -> {link}"
            if not target.exists() or (
                fragment
                and target in pages
                and unquote(fragment) not in pages[target].ids | {"top"}
            ):
                broken.append(name)
    assert broken == []


def test_every_picture_has_a_text(pages):
    untold = {
        str(page.relative_to(SITE)): parsed.untold
        for page, parsed in pages.items()
        if parsed.untold
    }
    assert untold == {}


def test_no_directive_or_twin_reaches_the_reader(pages):
    for page in pages:
        text = html_text(page)
        assert not re.search(r"#\s*\|\s*(export|hide|default_exp|eval|echo|label|fig-)", text), page
        assert "percent" not in page.relative_to(SITE).parts


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize(
    "name", ["index", "learning_path", "02_segmentation", "18_gallery", "results", "glossary"]
)
def test_a_page_is_whole_and_fits_its_screen(visit, site, name, size):
    page = visit(f"{site}/nbs/{name}.html", size)
    page.wait_for_load_state("networkidle")
    assert page.locator("h1").first.inner_text().strip()
    assert page.evaluate(
        "[...document.images].every((i) => i.complete && i.naturalWidth > 0 || i.loading ==="
        " 'lazy')"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), (
        "wider than the screen"
    )
    screenshot(page, f"{name}-{'wide' if size is WIDE else 'phone'}")


def test_the_site_opens_on_home(visit, site):
    page = visit(f"{site}/index.html")
    home = re.compile(r"/nbs/(index\.html)?$")
    page.wait_for_url(home)
    page.goto(f"{site}/nbs/00_data.html")
    page.click(".navbar-brand")
    page.wait_for_url(home)
    assert page.locator("h1").inner_text() == "customocr"


def test_no_code_is_cut_off(browser, site, pages):
    """At 1280 pixels every block fits; at 390 what does not fit scrolls by itself, and the page
    stands still."""
    page = browser.new_page()
    names = [str(p.relative_to(SITE)) for p in pages if p.parent == SITE / "nbs"]
    assert len(names) > 10
    found = {name: measure(page, f"{site}/{name}") for name in names}
    page.close()
    bad = {n: m for n, m in found.items() if m["cut"] or m["stuck"] or m["wider"] > 1}
    assert bad == {}


def test_search_finds_a_term(visit, site):
    page = visit(f"{site}/nbs/index.html")
    page.wait_for_load_state("networkidle")
    page.locator("#quarto-search button").first.click()
    page.keyboard.type("Otsu", delay=40)
    page.wait_for_selector(".aa-Item a")
    screenshot(page, "search")
    page.locator(".aa-Item a").first.click()
    page.wait_for_load_state("networkidle")
    assert "otsu" in page.inner_text("main").lower()


def test_the_site_leads_to_the_drawing_page(visit, site):
    page = visit(f"{site}/nbs/index.html")
    page.locator("nav a", has_text="Draw and read").first.click()
    ready(page)
    draw(page, SEVEN)
    assert answer(page) == "7"
    assert (
        page.locator("nav a", has_text="Learn").get_attribute("href") == "../nbs/learning_path.html"
    )


def test_code_keeps_its_lines(pages):
    """What the notebook filters hand on loses no line break: where a line ends, another does not
    begin."""
    for notebook in (ROOT / "nbs").glob("[0-9]*.ipynb"):
        page = SITE / "nbs" / f"{notebook.stem}.html"
        shown = [line.rstrip() for line in html_text(page).splitlines()]
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and not re.search(
                r"#\|\s*(hide|default_exp|echo: false|include: false)", source
            ):
                lines = [
                    line.rstrip()
                    for line in source.splitlines()
                    if line.strip() and not line.startswith("#|")
                ]
                assert all(line in shown for line in lines), (
                    page.name,
                    [line for line in lines if line not in shown][:3],
                )


def test_a_figure_is_numbered_and_keeps_its_own_caption():
    picture = {"output_type": "display_data", "data": {"image/png": ""}, "metadata": {}}
    code = lambda source: {"cell_type": "code", "source": source, "outputs": [dict(picture)]}
    own = '#| fig-cap: "Look at the 0."\n#| fig-alt: "A 0."\nshow(a)'
    cells = [code(own), code('#| fig-alt: "A 1."\nshow(b)')]
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "site_filter.py"],
        input=json.dumps({"cells": cells, "metadata": {}}),
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = ("".join(cell["source"]) for cell in json.loads(done.stdout)["cells"])
    assert "label: fig-1" in first and first.count("fig-cap") == 1 and "Look at the 0." in first
    assert "label: fig-2" in second and '#| fig-cap: "A 1."' in second


# ---- pages drawn from other files


def build_pages():
    import build_pages

    return build_pages


def test_tables_of_results_can_be_drawn_from_the_stored_figures():
    pages = build_pages()
    stale = []
    for name in pages.TABLED:
        text = (ROOT / "nbs" / name).read_text(encoding="utf-8")
        drawn = pages.with_tables(text)
        for table in re.findall(r"<!-- table \w+ -->(.*?)<!-- end -->", drawn, re.S):
            assert table.count("|") > 10, f"nbs/{name}: an empty table"
        stale += [name] if drawn != text else []
    if stale:  # the site is right all the same: a render draws them anew
        pytest.skip(
            f"{', '.join(stale)} show older figures than nbs/stored: run python"
            " tools/build_pages.py and commit them"
        )


def test_the_api_pages_tell_every_parameter():
    pages = build_pages().api_pages()
    page = pages["api_recognition.qmd"]
    assert "## Reader {#recognition.Reader}" in page
    assert "- **`alphabet`**" in page and "- **returns** `Page`" in page
    assert "[`writing.strokes`](api_writing_strokes.qmd)" in pages["api.qmd"]  # sub-packages too
    assert "## Constants" in pages["api_writing_strokes.qmd"]
    page = "\n".join(pages.values())
    assert not re.search(r"`[^`\n]*\\_[^`\n]*`", page), "an underscore in code is escaped"


def test_the_minutes_of_the_learning_path_are_those_of_its_notebooks():
    pages = build_pages()
    text = (ROOT / "nbs" / "learning_path.qmd").read_text(encoding="utf-8")
    told = "1 · [Model](01_model.ipynb)\n:   About 999 minutes.\n"
    assert pages.minutes(ROOT / "nbs" / "01_model.ipynb") in range(5, 60)
    assert "999" not in pages.with_minutes(told)
    if (
        pages.with_minutes(text) != text
    ):  # the site is right all the same: a render writes them anew
        pytest.skip(
            "nbs/learning_path.qmd is older than its notebooks: run python tools/build_pages.py"
        )


def test_exercises_are_collected():
    pages = build_pages().exercises_pages()
    assert all(page.count("\n## ") >= 5 for page in pages.values())
    assert "](04_confusion_fixes.ipynb#exercises)" in pages["exercises.qmd"]
    assert "](11b_sheet.ipynb#exercises)" in pages["exercises_2.qmd"]
    assert all(len(page.split()) < 2000 for page in pages.values()), "a page to tire of"
