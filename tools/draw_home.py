"""Draw the picture that Home and README.md open with: a sample page with what was read in it.

python tools/draw_home.py
"""

from pathlib import Path

import cv2

from customocr import samples
from customocr.recognition import Reader

PICTURE = Path(__file__).resolve().parent.parent / "nbs" / "images" / "address_read.jpg"
QUALITY = 85  # of 100: the thin letters above the boxes stay clean

if __name__ == "__main__":
    page = Reader().read(samples.page("address"))
    cv2.imwrite(str(PICTURE), page.draw(), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print(page.text)
