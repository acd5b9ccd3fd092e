"""Put the notebooks beside the site's pages, so that "Open this notebook" gives the file itself.
Quarto runs this after a render."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    target = ROOT / os.environ.get("QUARTO_PROJECT_OUTPUT_DIR", "_site") / "notebooks"
    target.mkdir(parents=True, exist_ok=True)
    for notebook in (ROOT / "nbs").glob("*.ipynb"):
        if notebook.stem != "index":
            shutil.copy(notebook, target)
