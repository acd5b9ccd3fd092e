"""Build your own OCR for hand-printed digits and capitals, and use it."""

__version__ = "0.1.0"
__all__ = ["Page", "Reader", "__version__"]

TYPE_CHECKING = False  # as in typing, whose import would take longer than `customocr --help` may
if TYPE_CHECKING:
    from customocr.recognition import Page, Reader


def __getattr__(
    name: str,  # of something that is not here yet
) -> object:
    """The front door, opened when somebody comes: OpenCV and ONNX Runtime take longer to load than
    `--help` may."""
    if name not in __all__:
        raise AttributeError(f"module 'customocr' has no attribute {name!r}")
    from customocr import recognition

    return getattr(recognition, name)


def __dir__() -> list[str]:
    "What there is, loaded or not."
    return sorted({*globals(), *__all__})
