"""What can go wrong for a user, as exceptions whose message says what was wrong and what to do."""

NO_CHARACTERS = (  # said of a page with ink and no text
    "no characters found, although there is ink: are they hand-printed, sharp and large enough?"
)


class CustomOCRError(Exception):
    """Base of all errors a user of customocr can cause; the command line prints it and exits with
    code 2."""


class ImageError(CustomOCRError):
    "An image that is missing, empty, damaged or of a kind that cannot be read."


class DataError(CustomOCRError):
    "A data set that is missing, damaged or not of the expected shape."


class ModelError(CustomOCRError):
    "A model file that is missing, damaged or has the wrong inputs or outputs."


class KnowledgeError(CustomOCRError):
    "An alphabet, pattern or lexicon that makes no sense to the reader."


class InstallError(CustomOCRError, ImportError):
    "A library that is installed but does not load, or is not installed."


def require_opencv() -> None:
    """Load OpenCV, or say how to get one that loads: the wheel for desktops wants libraries that a
    bare container lacks."""
    try:
        import cv2  # noqa: F401 (the import is the question)
    except ImportError as error:
        raise InstallError(
            f"OpenCV does not load here ({error}): "
            "pip install --force-reinstall --no-deps opencv-python-headless"
        ) from None
