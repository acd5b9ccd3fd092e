"""Pictures as people have them: each source gives upright grey or BGR bytes, or one error that says
what to do."""

import io
import resource

import cv2
import numpy as np
import pytest

from customocr import samples
from customocr.errors import ImageError
from customocr.images import load_image


@pytest.fixture
def page() -> np.ndarray:
    """A white BGR page, 60 x 100, with a black bar at its left edge and a blue spot at the lower
    right."""
    page = np.full((60, 100, 3), 255, np.uint8)
    page[10:50, 5:10] = 0
    page[45:55, 80:95] = (200, 30, 30)
    return page


def encoded(image: np.ndarray, suffix: str) -> bytes:
    "The image as a file's content."
    return cv2.imencode(suffix, image)[1].tobytes()


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".webp", ".jpg"])
def test_formats_give_the_same_pixels(page, suffix):
    pixels = load_image(encoded(page, suffix)).pixels
    assert pixels.dtype == np.uint8 and pixels.shape == page.shape
    assert np.abs(pixels.astype(int) - page).mean() < 3


def test_format_is_found_by_content_not_by_name(page, tmp_path):
    file = tmp_path / "really_a_png.jpg"
    file.write_bytes(encoded(page, ".png"))
    loaded = load_image(file)
    assert (loaded.pixels == page).all() and loaded.name == str(file) and loaded.scale == 1
    assert (load_image(str(file)).pixels == page).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(page, orientation):
    Image = pytest.importorskip("PIL.Image", reason="pillow writes the EXIF tag")
    # how the sensor stored the page when the tag says how to turn it back
    turned = page.transpose(1, 0, 2)
    stored = [
        page,
        page[:, ::-1],
        page[::-1, ::-1],
        page[::-1],
        turned,
        np.rot90(page),
        page[::-1, ::-1].transpose(1, 0, 2),
        np.rot90(page, -1),
    ]
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(stored[orientation - 1][..., ::-1]))
    image.save(out, "JPEG", exif=exif, quality=95, subsampling=0)
    for source in (out.getvalue(), Image.open(io.BytesIO(out.getvalue()))):
        pixels = load_image(source).pixels
        assert pixels.shape == page.shape
        assert np.abs(pixels.astype(int) - page).mean() < 3


def test_arrays_of_every_usual_kind(page):
    grey = page[..., 0]
    assert (load_image(page).pixels == page).all()
    assert (load_image(grey).pixels == grey).all()
    assert (load_image(grey[..., None]).pixels == grey).all()
    assert (load_image(grey > 100).pixels == np.where(grey > 100, 255, 0)).all()
    assert (load_image(grey.astype(np.uint16) * 257).pixels == grey).all()
    assert (
        load_image(grey.astype(np.uint16) * 16).pixels.astype(int) - grey
    ).min() >= -1  # a 12-bit sensor
    assert (load_image(grey / 255).pixels == grey).all()
    assert (load_image(grey.astype(np.int64)).pixels == grey).all()


def test_sixteen_bit_png(page):
    pixels = load_image(encoded(page[..., 0].astype(np.uint16) * 257, ".png")).pixels
    assert pixels.dtype == np.uint8 and (pixels == page[..., 0]).all()


def test_transparent_background_is_paper():
    drawing = np.zeros(
        (40, 40, 4), np.uint8
    )  # black strokes on nothing: colour is black everywhere, only alpha tells
    drawing[10:30, 18:22, 3] = 255
    for source in (drawing, encoded(drawing, ".png")):
        pixels = load_image(source).pixels
        assert pixels[0, 0].min() == 255 and pixels[20, 20].max() == 0


def test_light_ink_on_transparency_stays_visible():
    drawing = np.zeros((40, 40, 4), np.uint8)
    drawing[10:30, 18:22] = 255
    pixels = load_image(drawing).pixels
    assert abs(int(pixels[0, 0, 0]) - int(pixels[20, 20, 0])) == 255


def test_palette_grey_alpha_and_animation(page):
    Image = pytest.importorskip("PIL.Image", reason="pillow writes palettes and GIF")
    image = Image.fromarray(np.ascontiguousarray(page[..., ::-1]))
    for mode, suffix, options in (
        ("P", "PNG", {}),
        ("LA", "PNG", {}),
        ("1", "PNG", {}),
        ("P", "GIF", {"save_all": True, "append_images": [image.convert("P").rotate(180)]}),
    ):
        out = io.BytesIO()
        image.convert(mode).save(out, suffix, **options)
        for source in (out.getvalue(), Image.open(io.BytesIO(out.getvalue()))):
            pixels = load_image(source).pixels
            grey = pixels if pixels.ndim == 2 else pixels.mean(2)
            assert grey[30, 7] < 10 and grey[30, 50] > 245, (mode, suffix)


def test_large_photo_is_reduced_and_boxes_can_be_scaled_back():
    photo = np.full((1200, 1600, 3), 255, np.uint8)
    photo[400:600, 800:900] = 0
    for source in (
        photo,
        encoded(photo, ".jpg"),
        encoded(photo, ".png"),
        encoded(photo[..., 0], ".jpg"),
    ):
        loaded = load_image(source, max_pixels=300_000)
        height, width = loaded.pixels.shape[:2]
        assert 150_000 < height * width <= 310_000
        ink = loaded.pixels if loaded.pixels.ndim == 2 else loaded.pixels[..., 0]
        ys, xs = np.nonzero(ink < 128)
        found = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) * loaded.scale
        assert np.abs(found - [800, 400, 900, 600]).max() <= 2 * loaded.scale
    assert load_image(photo, max_pixels=None).pixels.shape == photo.shape


def test_one_pixel_and_white_pages_are_images():
    assert load_image(encoded(np.full((1, 1), 255, np.uint8), ".png")).pixels.shape == (1, 1)
    assert load_image(np.full((50, 50), 255, np.uint8)).pixels.min() == 255


def truncated(image: bytes) -> bytes:
    "The first 60 % of a file."
    return image[: len(image) * 6 // 10]


NOISE = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "is empty"),
        (b"just some words\n" * 9, "is a text file"),
        (b"%PDF-1.7\n...", "is a PDF"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC"),
        (b"\x00\x01\x02\x03" * 40, "not an image of a known format"),
        (encoded(NOISE, ".png")[:20], "truncated"),
        (encoded(NOISE, ".jpg")[:20], "truncated"),
        (truncated(encoded(NOISE, ".jpg")), "truncated"),
        (encoded(NOISE, ".jpg")[:-2], "truncated"),
        (truncated(encoded(NOISE, ".png")), "truncated"),
        (truncated(encoded(NOISE, ".webp")), "truncated"),
        (truncated(encoded(NOISE, ".bmp")), "truncated"),
        (truncated(encoded(NOISE, ".tiff")), "truncated"),
    ],
    ids=(
        "empty text pdf heic unknown png_head jpg_head half_jpg jpg_without_end half_png half_webp"
        " half_bmp half_tiff".split()
    ),
)
def test_bad_files_say_what_is_wrong_in_one_line(tmp_path, capfd, content, said):
    file = tmp_path / "page.png"
    file.write_bytes(content)
    with pytest.raises(ImageError, match=said) as caught:
        load_image(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""  # the decoders' own complaints are not for users


def test_bad_paths(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        load_image(tmp_path / "missing.png")
    with pytest.raises(ImageError, match="is a folder"):
        load_image(tmp_path)
    with pytest.raises(ImageError, match="web addresses"):
        load_image("https://example.org/page.png")
    with pytest.raises(ImageError):
        load_image("a\0b.png")


@pytest.mark.parametrize(
    "array, said",
    [
        (np.zeros((0, 5), np.uint8), "no pixels"),
        (np.zeros((5, 5, 2), np.uint8), "shape"),
        (np.zeros((2, 5, 5, 3), np.uint8), "shape"),
        (np.zeros(5, np.uint8), "shape"),
        (np.full((5, 5), np.nan), "NaN"),
        (np.full((5, 5), -1.0), "values from -1"),
        (np.full((5, 5), 1e6), "up to"),
        (np.zeros((5, 5), complex), "number type"),
        (np.full((5, 5), "x"), "number type"),
    ],
    ids="no_pixels two_channels four_axes one_axis nan negative too_bright complex strings".split(),
)
def test_bad_arrays(array, said):
    with pytest.raises(ImageError, match=said):
        load_image(array)


def test_other_types_are_refused_by_name():
    with pytest.raises(ImageError, match="NoneType"):
        load_image(None)


def test_a_png_chunk_that_claims_gigabytes_costs_no_memory():
    data = bytearray(samples.page("hello").read_bytes())
    data[33:37] = b"\xff\xff\x00\x20"  # the length of the chunk after the header
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match="truncated PNG"):
        load_image(bytes(data))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
