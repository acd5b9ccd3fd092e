"""The tutorial's way to read a page, as one function, so that it can be measured like any reader.

Boxes and glyphs are the tutorial's (`segmentation.tutorial_boxes`, `tutorial_glyphs`), the network
is the shipped one: what differs from `Reader` is the segmentation alone. Boxes come left to right,
as the tutorial sorts them, without lines or spaces.
"""

from functools import cache

import cv2

from customocr.glyphs import CLASSES
from customocr.images import load_image
from customocr.recognition import Reader
from customocr.segmentation import tutorial_boxes, tutorial_glyphs


@cache
def reader() -> Reader:
    "The shipped network, loaded once."
    return Reader()


def read(
    source,  # whatever `load_image` takes
) -> str:  # the characters from left to right
    "A page read as the tutorial reads it."
    pixels = load_image(source, max_pixels=None).pixels
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    boxes = tutorial_boxes(grey)
    return "".join(CLASSES[k] for k in reader().classify(tutorial_glyphs(grey, boxes)).argmax(1))
