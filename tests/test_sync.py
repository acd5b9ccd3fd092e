"""Notebook, twin, module and README stay in step, and nobody's work is lost on the way."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the dev extra is not installed")
pytest.importorskip("nbdev", reason="the dev extra is not installed")

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import sync as tool

TWIN = """# %% [markdown]
# # Twice
# > How to double, with a [neighbour](01_next.ipynb).

# %%
#| default_exp twice

# %%
#| export
def double(x):
    return 2 * x


# %%
double(21)
"""
INNER = TWIN.replace("default_exp twice", "default_exp numbers.twice").replace("Twice", "Inner")


def sync(project: Path, *options: str) -> subprocess.CompletedProcess:
    "Run the project's own tools/sync.py."
    return subprocess.run(
        [sys.executable, project / "tools" / "sync.py", *options],
        cwd=project,
        capture_output=True,
        text=True,
    )


def git(project: Path, *words: str) -> None:
    "Run git, as somebody."
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run(["git", *who, *words], cwd=project, check=True, capture_output=True)


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> Path:
    "A small project with one notebook, which is also its index, executed and committed."
    if not shutil.which("git"):
        pytest.skip("no git on PATH: what is committed cannot be told from what is not")
    made = tmp_path_factory.mktemp("project")
    for name in ("settings.ini", "tools/sync.py", "jupytext.toml", "pyproject.toml", ".gitignore"):
        (made / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, made / name)
    (made / "customocr").mkdir()
    (made / "nbs" / "percent").mkdir(parents=True)
    (made / "nbs" / "percent" / "index.py").write_text(TWIN)
    done = sync(made, "--run")
    assert done.returncode == 0, done.stderr
    git(made, "init", "--quiet")
    git(made, "add", ".")
    git(made, "commit", "--quiet", "-m", "A start")
    return made


@pytest.fixture
def project(executed: Path, tmp_path: Path) -> Path:
    "A copy of it, to be changed."
    return Path(shutil.copytree(executed, tmp_path / "project"))


def cells(project: Path) -> list:
    "The notebook's cells."
    return nbformat.read(project / "nbs" / "index.ipynb", as_version=4).cells


def edit(file: Path, old: str, new: str) -> None:
    "Replace something that is there."
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def edit_notebook(project: Path, source: str) -> None:
    "Write into the notebook's last cell, as plain Jupyter would."
    file = project / "nbs" / "index.ipynb"
    notebook = nbformat.read(file, as_version=4)
    notebook.cells[-1].source = source
    nbformat.write(notebook, file)


def everything(project: Path) -> dict[str, bytes]:
    "All files of the project that a sync could touch."
    files = [file for part in ("nbs", "customocr") for file in (project / part).rglob("*")]
    files += [project / "README.md", project / ".sync.json"]
    return {
        str(f.relative_to(project)): f.read_bytes()
        for f in files
        if f.is_file() and "checkpoint" not in f.name
    }


def test_everything_is_made_from_the_twin(project):
    assert "def double(x)" in (project / "customocr" / "twice.py").read_text()
    assert cells(project)[-1].outputs[0].data["text/plain"] == "42"
    readme = (project / "README.md").read_text()
    assert "[neighbour](nbs/01_next.ipynb)" in readme and "```text\n42\n```" in readme
    assert sync(project, "--check").returncode == 0


def test_an_edited_twin_is_noticed_and_brought_in_without_losing_ids_and_outputs(project):
    before = cells(project)
    edit(project / "nbs" / "percent" / "index.py", "return 2 * x", "return x + x")
    noticed = sync(project, "--check")
    assert noticed.returncode == 1
    assert "customocr/twice.py" in noticed.stdout and "nbs/index.ipynb" in noticed.stdout
    assert sync(project).returncode == 0
    after = cells(project)
    assert [cell.id for cell in after] == [cell.id for cell in before]
    assert after[-1].outputs == before[-1].outputs
    assert "return x + x" in (project / "customocr" / "twice.py").read_text()
    assert sync(project, "--check").returncode == 0


def test_code_is_formatted_on_its_way(project):
    twin = project / "nbs" / "percent" / "index.py"
    edit(twin, "    return 2 * x\n", "  return ( 2*x )\n")
    assert sync(project).returncode == 0
    assert "    return 2 * x\n" in twin.read_text()
    assert sync(project, "--check").returncode == 0


def test_a_twin_can_be_edited_and_synced_again_without_a_commit_between(project):
    twin = project / "nbs" / "percent" / "index.py"
    for new, old in (("x + x", "2 * x"), ("sum([x, x])", "x + x")):
        edit(twin, f"return {old}", f"return {new}")
        done = sync(project)
        assert done.returncode == 0, done.stderr
        assert f"return {new}" in (project / "customocr" / "twice.py").read_text()


def test_work_done_in_the_notebook_can_be_taken_over(project):
    edit_notebook(project, "double(4)")
    assert sync(project, "--from-notebook", "index").returncode == 0
    assert "double(4)" in (project / "nbs" / "percent" / "index.py").read_text()
    assert sync(project, "--check").returncode == 0


# ---- nobody's work is lost


def test_work_in_a_notebook_stops_a_sync_which_says_how_to_keep_either_side(project):
    edit_notebook(project, "double(4)")
    edit(project / "nbs" / "percent" / "index.py", "return 2 * x", "return x + x")
    before = everything(project)
    done = sync(project)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "--from-notebook index" in done.stderr and "--from-twin index" in done.stderr
    assert everything(project) == before
    assert sync(project, "--from-twin", "index").returncode == 0
    assert cells(project)[-1].source == "double(21)"
    assert "return x + x" in (project / "customocr" / "twice.py").read_text()


def test_work_in_a_module_stops_a_sync_which_says_how_to_keep_either_side(project):
    module = project / "customocr" / "twice.py"
    edit(module, "2 * x", "3 * x")
    before = everything(project)
    assert "customocr/twice.py" in sync(project, "--check").stdout
    done = sync(project)
    assert done.returncode == 2 and "customocr/twice.py" in done.stderr
    assert "nbs/percent/index.py" in done.stderr and "--from-twin index" in done.stderr
    assert everything(project) == before
    assert sync(project, "--from-twin", "index").returncode == 0
    assert "2 * x" in module.read_text()


def test_what_is_committed_is_not_lost_and_stops_nothing(project):
    edit_notebook(project, "double(4)")
    edit(project / "customocr" / "twice.py", "2 * x", "3 * x")
    git(project, "commit", "--quiet", "-a", "-m", "By hand")
    done = sync(project)
    assert done.returncode == 0, done.stderr
    assert cells(project)[-1].source == "double(21)"


def test_a_merge_that_waits_for_its_commit_stops_nothing(project):
    twin = project / "nbs" / "percent" / "index.py"
    for branch, old, new in (("other", "(21)", "(4)"), ("this", "# > How", "# > This is how")):
        git(project, "checkout", "--quiet", "-b", branch, "HEAD" if branch == "other" else "HEAD~1")
        edit(twin, old, new)
        assert sync(project).returncode == 0
        git(project, "commit", "--quiet", "-a", "-m", f"On {branch}")
    git(project, "merge", "--quiet", "--no-commit", "other")
    (project / ".sync.json").unlink()
    done = sync(project)
    assert done.returncode == 0, done.stderr
    assert "This is how" in twin.read_text() and "double(4)" in twin.read_text()


def test_taking_over_every_notebook_at_once_is_refused(project):
    done = sync(project, "--from-notebook")
    assert done.returncode == 2 and "name the notebooks" in done.stderr


# ---- all or nothing


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return 2 * x", "return 2 *", "nbs/percent/zz.py:11: invalid syntax"),
        ("double(21)", "double(21)\nreturn", "nbs/percent/zz.py:16: 'return' outside function"),
        ("#| export", "#| exprot", "nbs/percent/zz.py:9: no directive `exprot`; `export` is one"),
        ("#| export", "#| export twice", "`export` takes no argument"),
        ("#| default_exp twice", "#| hide", "exports, and no cell says `#| default_exp`"),
        ("default_exp twice", "default_exp twice thrice", "wants one module's name"),
    ],
)
def test_a_mistake_is_said_with_its_line(old, new, said):
    assert tool.mistakes("zz", TWIN) == []
    found = tool.mistakes("zz", TWIN.replace(old, new))
    assert len(found) == 1 and said in found[0]


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("taken", "customocr/taken.py has two notebooks"),
        ("hand", "customocr/hand.py is written by hand"),
        ("hand.twice", "needs a folder where hand.py is"),
        ("house", "customocr/house/ have one name"),
    ],
)
def test_a_notebook_takes_the_place_of_nothing_else(tmp_path, module, said):
    files = {
        "nbs/percent/zz.py": TWIN.replace("default_exp twice", f"default_exp {module}"),
        "nbs/percent/yy.py": TWIN.replace("default_exp twice", "default_exp taken"),
        "customocr/hand.py": '"By hand."\n',
        "customocr/house/__init__.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(tool.Stop, match=said):
        tool.make(tmp_path, ["zz"])
    assert {name: (tmp_path / name).read_text() for name in files} == files


def test_a_mistake_in_one_twin_leaves_every_file_as_it_was(project):
    edit(project / "nbs" / "percent" / "index.py", "return 2 * x", "return x + x")
    (project / "nbs" / "percent" / "zz.py").write_text("# %%\n1 +\n")
    before = everything(project)
    done = sync(project)
    assert done.returncode == 2 and "nbs/percent/zz.py:2: " in done.stderr
    assert "Traceback" not in done.stderr and everything(project) == before


def test_a_notebook_that_a_merge_left_broken_is_said_in_a_sentence(project):
    file = project / "nbs" / "index.ipynb"
    file.write_text("<<<<<<< HEAD\n" + file.read_text())
    done = sync(project)
    assert done.returncode == 2 and "git checkout --ours nbs/index.ipynb" in done.stderr


# ---- sub-packages


def test_a_module_of_a_sub_package_is_made_indexed_and_imported(project):
    (project / "nbs" / "percent" / "inner.py").write_text(
        INNER + "\n# %%\n#| export\nfrom customocr.twice import double as outer\n"
    )
    done = sync(project)
    assert done.returncode == 0, done.stderr
    assert (project / "customocr" / "numbers" / "__init__.py").exists()
    said = "File to edit: ../../nbs/inner.ipynb"
    assert said in (project / "customocr" / "numbers" / "twice.py").read_text()
    assert "customocr.numbers.twice.double" in (project / "customocr" / "_modidx.py").read_text()
    code = "from customocr.numbers.twice import double, outer; print(double(outer(1)))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env={}, capture_output=True, text=True
    )
    assert ran.stdout == "4\n", ran.stderr
    assert sync(project, "--check").returncode == 0


def test_a_module_that_no_notebook_makes_any_longer_is_noticed(project):
    edit(project / "nbs" / "percent" / "index.py", "default_exp twice", "default_exp two.twice")
    assert sync(project).returncode == 0
    noticed = sync(project, "--check")
    assert noticed.returncode == 1 and "customocr/twice.py was made from" in noticed.stdout


# ---- JupyterLab


def saved_in_jupyter(project: Path, change) -> None:
    "Open the pair in Jupyter's contents manager, as JupyterLab does, run and change it, save."
    code = (project / "open_and_save.py", project / "jupyter_server_config.py")
    shutil.copy(ROOT / "jupyter_server_config.py", code[1])
    code[0].write_text(f"""
import sys
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader
import jupytext
from jupyter_server.services.contents.largefilemanager import LargeFileManager
manager = jupytext.build_sync_jupytext_contents_manager_class(LargeFileManager)
config = PyFileConfigLoader("jupyter_server_config.py", path=sys.argv[1]).load_config()
manager = manager(root_dir=sys.argv[1], config=Config(config))
model = manager.get("nbs/index.ipynb")
notebook = model["content"]
{change}
manager.save(model, "nbs/index.ipynb")
""")
    done = subprocess.run(
        [sys.executable, code[0], project], cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for file in code:
        file.unlink()


TRACES = """
notebook.metadata["kernelspec"] = {
    "display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"
}
notebook.metadata["language_info"] = {"name": "python", "version": "3.99"}
notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
for number, cell in enumerate(notebook.cells):
    cell.metadata.update({"trusted": True, "collapsed": False})
    if cell.cell_type == "code":
        cell.execution_count = number
        cell.metadata["execution"] = {"iopub.execute_input": "2026-01-01T00:00:00Z"}
"""


def test_a_save_in_jupyter_leaves_no_noise(project):
    before = everything(project)
    saved_in_jupyter(project, TRACES)
    assert everything(project) == before


def test_blank_lines_between_cells_leave_no_trace_in_the_notebook(project):
    twin, before = project / "nbs" / "percent" / "index.py", everything(project)
    edit(twin, "2 * x\n\n\n# %%", "2 * x\n\n# %%")
    saved_in_jupyter(project, TRACES)
    assert sync(project).returncode == 0
    assert everything(project) == before


def test_an_edit_in_jupyter_reaches_the_twin_and_only_the_edit(project):
    saved_in_jupyter(project, TRACES + "notebook.cells[-1].source = 'double(4)'")
    assert (project / "nbs" / "percent" / "index.py").read_text() == TWIN.replace("(21)", "(4)")
    assert sync(project).returncode == 0


def test_dead_widgets_and_old_headers_go(project):
    twin, file = project / "nbs" / "percent" / "index.py", project / "nbs" / "index.ipynb"
    header = "# ---\n# jupyter:\n#   kernelspec:\n#     name: python3\n# ---\n\n"
    twin.write_text(header + twin.read_text())
    before, notebook = file.read_text(), nbformat.read(file, as_version=4)
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "Box()"}
    notebook.cells[-1].outputs.append(nbformat.v4.new_output("display_data", widget))
    nbformat.write(notebook, file)
    assert sync(project).returncode == 0
    assert twin.read_text() == TWIN and file.read_text() == before
