"""What can go wrong for a user, as exceptions whose message says what was wrong and what to do."""


class CustomOCRError(Exception):
    "Base of all errors a user of customocr can cause; the command line prints it and exits with code 2."


class ImageError(CustomOCRError):
    "An image that is missing, empty, damaged or of a kind that cannot be read."


class DataError(CustomOCRError):
    "A data set that is missing, damaged or not of the expected shape."


class ModelError(CustomOCRError):
    "A model file that is missing, damaged or has the wrong inputs or outputs."


class KnowledgeError(CustomOCRError):
    "An alphabet, pattern or lexicon that makes no sense to the reader."
