"""Notebook, twin, module and README stay in step, and what only the notebook holds is kept."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the dev extra is not installed")
pytest.importorskip("nbdev", reason="the dev extra is not installed")

ROOT = Path(__file__).parents[1]
TWIN = """# %% [markdown]
# # Twice
# > How to double, with a [neighbour](01_next.ipynb).

# %%
#| default_exp twice

# %%
#| export
def double(x): return 2 * x

# %%
double(21)
"""


def sync(project: Path, *options: str) -> subprocess.CompletedProcess:
    "Run the project's own tools/sync.py."
    return subprocess.run(
        [sys.executable, project / "tools" / "sync.py", *options],
        cwd=project,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> Path:
    "A small project with one notebook, which is also its index, executed."
    made = tmp_path_factory.mktemp("project")
    for name in ("settings.ini", "tools/sync.py"):
        (made / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, made / name)
    (made / "customocr").mkdir()
    (made / "nbs" / "percent").mkdir(parents=True)
    (made / "nbs" / "percent" / "index.py").write_text(TWIN)
    done = sync(made, "--run")
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture
def project(executed: Path, tmp_path: Path) -> Path:
    "A copy of it, to be changed."
    return Path(shutil.copytree(executed, tmp_path / "project"))


def cells(project: Path) -> list:
    "The notebook's cells."
    return nbformat.read(project / "nbs" / "index.ipynb", as_version=4).cells


def test_everything_is_made_from_the_twin(project):
    assert "def double(x)" in (project / "customocr" / "twice.py").read_text()
    assert cells(project)[-1].outputs[0].data["text/plain"] == "42"
    readme = (project / "README.md").read_text()
    assert "[neighbour](nbs/01_next.ipynb)" in readme and "```text\n42\n```" in readme
    assert sync(project, "--check").returncode == 0


def test_an_edited_twin_is_noticed_and_brought_in_without_losing_ids_and_outputs(project):
    before = cells(project)
    twin = project / "nbs" / "percent" / "index.py"
    twin.write_text(twin.read_text().replace("return 2 * x", "return x + x"))
    noticed = sync(project, "--check")
    assert noticed.returncode == 1
    assert "customocr/twice.py" in noticed.stdout and "nbs/index.ipynb" in noticed.stdout
    assert sync(project).returncode == 0
    after = cells(project)
    assert [cell.id for cell in after] == [cell.id for cell in before]
    assert after[-1].outputs == before[-1].outputs
    assert "return x + x" in (project / "customocr" / "twice.py").read_text()
    assert sync(project, "--check").returncode == 0


def test_an_edited_module_is_noticed(project):
    module = project / "customocr" / "twice.py"
    module.write_text(module.read_text().replace("2 * x", "3 * x"))
    assert "customocr/twice.py" in sync(project, "--check").stdout


def test_work_done_in_the_notebook_can_be_taken_over(project):
    file = project / "nbs" / "index.ipynb"
    notebook = nbformat.read(file, as_version=4)
    notebook.cells[-1].source = "double(4)"
    nbformat.write(notebook, file)
    assert sync(project, "--from-notebook", "index").returncode == 0
    assert "double(4)" in (project / "nbs" / "percent" / "index.py").read_text()
    assert sync(project, "--check").returncode == 0
