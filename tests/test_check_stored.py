"""A table that a notebook shows from nbs/stored is what the file there holds."""

import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the dev extra is not installed")
pytest.importorskip("pandas", reason="the train extra is not installed")
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import check_stored

CELLS = [
    "import pandas as pd\nfrom pathlib import Path",
    "raise RuntimeError('a cell that takes hours, and that the table does not depend on')",
    "table = pd.read_csv(Path('stored') / 'rates.csv')",
    "def doubled(rate):\n    table = 2 * rate\n    return table",
    "table.insert(0, 'twice', table.rate.map(doubled))",
    "table.rate = 0.5\ntable = table.copy()\nprint(len(table), 'rows')\ntable",
]


@pytest.fixture
def notebook(tmp_path, monkeypatch) -> Path:
    "A notebook that shows a stored file, with the outputs that it has today."
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored" / "rates.csv").write_text("page,rate\nruled,0.042\n")
    monkeypatch.chdir(tmp_path)
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS])
    last = len(CELLS) - 1
    chosen = check_stored.needed_for(last, check_stored.statements(made))
    said = check_stored.shown_now(chosen, last)
    made.cells[last].outputs = [
        nbformat.v4.new_output("stream", name="stdout", text=said.pop("printed") + "\n"),
        nbformat.v4.new_output("execute_result", data=said),
    ]
    file = tmp_path / "notebook.ipynb"
    nbformat.write(made, file)
    return file


def test_what_a_table_depends_on_runs_and_nothing_else(notebook):
    assert check_stored.disagreements(notebook) == (1, [])
    assert "0.084" in notebook.read_text() and "1 rows" in notebook.read_text()


def test_a_file_that_was_measured_anew_is_noticed(notebook):
    Path("stored/rates.csv").write_text("page,rate\nruled,0.043\n")
    compared, found = check_stored.disagreements(notebook)
    assert compared == 1 and len(found) == 1
    assert "-      <td>0.084</td>" in found[0] and "+      <td>0.086</td>" in found[0]


def test_a_file_that_is_gone_is_noticed(notebook):
    Path("stored/rates.csv").unlink()
    assert "FileNotFoundError" in check_stored.disagreements(notebook)[1][0]
