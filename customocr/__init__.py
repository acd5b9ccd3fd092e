"""Build your own OCR for hand-printed digits and capitals, and use it."""

__version__ = "0.1.0"
