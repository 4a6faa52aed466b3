"""The file of a leaderboard: what is wrong is said with line and key, and the rest is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.leaderboards.config import Leaderboard, read
from bench.leaderboards.toml_places import Places

GOOD = """title = "Two"

[[quality]]
datasets = ["samples"]
metrics = ["psnr"]

[speed]
sizes = [64]

[[models]]
model = "bicubic"

[[models.published]]
dataset = "set5"
scale = 4
metric = "psnr"
value = "28.43"

[[models]]
model = "net.py:make"
label = "mine"
options = { range = 255 }
"""


def board(folder: Path, text: str) -> Leaderboard:
    file = folder / "board.toml"
    file.write_text(text, encoding="utf-8")
    return read(file)


def problems(folder: Path, text: str) -> str:
    return "\n".join(board(folder, text).problems)


def test_a_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    found = board(tmp_path, GOOD)
    assert found.problems == ()
    assert found.title == "Two"
    (part,) = found.quality
    assert (part.datasets, part.scales, part.metrics) == (("samples",), (4,), ("psnr",))
    assert part.protocol == "johnson2016"
    assert found.speed is not None
    assert found.speed.sizes == (64,)
    bicubic, mine = found.entries
    assert [value.value for value in bicubic.published] == ["28.43"]
    assert (mine.label, mine.model) == ("mine", "net.py:make,range=255,name=mine")


def test_paths_are_relative_to_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("")
    assert board(tmp_path, GOOD).entries[1].model == f"{tmp_path}/net.py:make,range=255,name=mine"


def test_an_unknown_key_is_named_with_its_line(tmp_path: Path) -> None:
    assert "board.toml, line 2, colour: unknown key; there are: title" in problems(
        tmp_path, GOOD.replace("\n", '\ncolour = "red"\n', 1)
    )
    found = problems(tmp_path, GOOD.replace('label = "mine"', 'labl = "mine"'))
    assert "board.toml, line 21, models[2].labl: unknown key; there are: model, label" in found


def test_a_wrong_value_is_named_and_shown(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD.replace("sizes = [64]", "sizes = [0]"))
    assert "line 8, speed.sizes: must be a list of whole numbers of at least 1 (got [0])" in found
    found = problems(tmp_path, GOOD.replace('"28.43"', "28.43"))
    assert (
        'line 17, models.published[1].value: must be the digits as printed, in quotes: "32.10" (got 28.43)'
        in found
    )


def test_two_models_of_one_label_are_refused_and_the_first_is_kept(tmp_path: Path) -> None:
    text = GOOD + '\n[[models]]\nmodel = "other.py:make"\nlabel = "mine"\n'
    found = board(tmp_path, text)
    (problem,) = found.problems
    assert problem.startswith(
        "board.toml, line 24, models[3] (mine): two models have the label mine; the first is"
    )
    assert "line 19, models[2]" in problem
    assert [entry.label for entry in found.entries] == ["bicubic", "mine"]


@pytest.mark.parametrize("label", ["sr-pixel", "HR"])
def test_a_label_that_tables_use_already_is_refused(tmp_path: Path, label: str) -> None:
    assert f"the label {label} is taken" in problems(tmp_path, GOOD.replace('"mine"', f'"{label}"'))


def test_a_registered_model_keeps_its_name(tmp_path: Path) -> None:
    text = GOOD.replace('model = "bicubic"', 'model = "bicubic"\nlabel = "cubic"')
    assert "bicubic is a registered model: it has no options, and its label is its name" in problems(
        tmp_path, text
    )


def test_unknown_data_sets_metrics_and_protocols_are_left_out(tmp_path: Path) -> None:
    text = GOOD.replace('["samples"]', '["samples", "nosuch"]').replace('["psnr"]', '["psnr", "pnsr"]')
    found = board(tmp_path, text)
    assert "line 4, quality[1].datasets: no data set or folder is called 'nosuch'" in found.problems[0]
    assert "line 5, quality[1].metrics: no metric is called 'pnsr'" in found.problems[1]
    assert found.quality[0].datasets == ("samples",)
    assert found.quality[0].metrics == ("psnr",)
    found = board(tmp_path, GOOD.replace('metrics = ["psnr"]', 'protocol = "none"'))
    assert "no protocol is called 'none'" in found.problems[0]
    assert found.quality == ()


def test_a_baseline_that_is_no_model_is_named(tmp_path: Path) -> None:
    found = board(tmp_path, GOOD.replace("sizes = [64]", 'sizes = [64]\nbaseline = "rlfn"'))
    assert "line 9, speed.baseline: no model has the label rlfn" in found.problems[0]
    assert found.speed is not None
    assert found.speed.baseline == ""


def test_a_file_that_gives_nothing_to_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        read(tmp_path / "none.toml")
    with pytest.raises(UserError, match=r"cannot be read as TOML: .*line 2"):
        board(tmp_path, 'title = "a"\nx = = 2')
    with pytest.raises(UserError, match="cannot be read as TOML: it is nested too deeply"):
        board(tmp_path, f"title = {'[' * 5000}")
    # Dots nest without brackets, and a problem shows the value of its key.
    with pytest.raises(UserError, match="cannot be read as TOML: it is nested too deeply"):
        board(tmp_path, GOOD.replace('title = "Two"', f"title.{'.'.join('a' * 5000)} = 1"))
    with pytest.raises(UserError, match="has no model that can be run"):
        board(tmp_path, '[speed]\nsizes = [64]\n[[models]]\nlabel = "x"')
    with pytest.raises(UserError, match=r"neither \[\[quality\]\] nor \[speed\]"):
        board(tmp_path, '[[models]]\nmodel = "bicubic"')


def test_places_are_the_lines_of_headers_and_keys() -> None:
    places = Places("a = 1\n[b]\nc = 2\n[[d]]\ne = 3\n\n[[d]]\ne = 4\n")
    assert places.line("", 0, "a") == "line 1, "
    assert places.line("b", 0, "c") == "line 3, "
    assert places.line("d", 1, "e") == "line 8, "
    assert places.line("d", 1, "unknown") == "line 7, "
    assert places.line("f") == ""
