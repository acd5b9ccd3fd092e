"""Build the site's drawing page: plain files, with ONNX Runtime for browsers (from npm) and the
shipped networks beside.

    python tools/build_draw.py [FOLDER]

FOLDER is _site/draw unless it is named. Quarto runs this after each render (`post-render` in
_quarto.yml). The result needs no server of its own: any static one will do, such as `python -m
http.server -d _site`.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "site" / "draw"
MODELS = ROOT / "customocr" / "models"
NETWORKS = ("characters.onnx", "lines.onnx")
SAMPLE = ROOT / "customocr" / "samples" / "pages" / "lines.jpg"
FILES = {  # what the page loads of onnxruntime-web 1.30.0 -> SHA-256
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}


class BuildError(Exception):
    "What is missing, and what to do."


class NoNpm(BuildError):
    "npm is not there, or cannot fetch."


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def runtime() -> Path:  # folder that holds FILES
    """The browser's ONNX Runtime, from npm the first time and from its cache under node_modules
    after that."""
    version = json.loads((PAGE / "package.json").read_text())["dependencies"]["onnxruntime-web"]
    cache = PAGE / "node_modules" / f"onnxruntime-web-{version}"
    if not all(
        (cache / name).is_file() and sha256(cache / name) == digest
        for name, digest in FILES.items()
    ):
        npm = shutil.which("npm")
        if npm is None:
            raise NoNpm(
                "npm is not on PATH: install Node.js, which brings npm, to build the drawing page"
            )
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            command = [
                npm,
                "pack",
                "--silent",
                f"onnxruntime-web@{version}",
                "--pack-destination",
                folder,
            ]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            packed = list(Path(folder).glob("*.tgz"))
            if done.returncode or not packed:
                raise NoNpm(
                    f"npm could not fetch onnxruntime-web {version}:"
                    f" {done.stderr.strip() or 'no answer'}"
                )
            with tarfile.open(packed[0]) as archive:
                for name in FILES:
                    (cache / name).write_bytes(archive.extractfile(f"package/dist/{name}").read())
        for name, digest in FILES.items():
            if sha256(cache / name) != digest:
                raise BuildError(
                    f"{name} of onnxruntime-web {version} is not the file that was tested (SHA-256"
                    " differs)"
                )
    return cache


def build(
    target: Path,  # folder to make; what is in it of an earlier build is replaced
    models: Path = MODELS,  # folder that holds NETWORKS
) -> Path:  # target
    "Copy the page, the browser's ONNX Runtime, the networks and a sample page to `target`."
    for name in NETWORKS:
        if not (models / name).is_file():
            raise BuildError(f"{models / name} is missing: the drawing page needs the network")
    source = runtime()
    vendor = target / "vendor"
    vendor.mkdir(parents=True, exist_ok=True)
    for path in PAGE.iterdir():
        if path.suffix in {".html", ".css", ".js"}:
            shutil.copy(path, target)
    for name in FILES:
        shutil.copy(source / name, vendor)
    for name in NETWORKS:
        shutil.copy(models / name, vendor)
    shutil.copy(SAMPLE, vendor / "page.jpg")
    return target


if __name__ == "__main__":
    try:
        place = build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_site" / "draw")
        print(f"drawing page: {place}")
    except BuildError as error:
        sys.exit(f"build_draw: {error}")
