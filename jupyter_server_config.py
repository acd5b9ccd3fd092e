"""Read by `jupyter lab` when it starts in this folder: a save stores a clean notebook, without
traces of the run."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "tools"))
import sync

c.FileContentsManager.pre_save_hook = sync.clean_at_save  # noqa: F821 (Jupyter provides `c`)
