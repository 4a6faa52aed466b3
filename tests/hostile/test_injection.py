"""Names, failures and facts of a third party's results file: shown in every format, obeyed in none."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import compare, preference
from bench.quality.summary import Row, export
from bench.tables import FORMATS
from bench.text import escape_csv, escape_latex, escape_markdown
from reports.__main__ import main as report
from reports.load.image_files import is_image_file
from tests.hostile.third_party import EVERYTHING, LATEX, TAG, TEXTS, third_party
from tests.reports.test_page import Parsed

# What a terminal obeys, what ends a text early, what turns its direction.
INVISIBLE = ("\x00", "\x07", "\x1b", "\x9b", "\u202e", "\r")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("third-party")
    return third_party(folder / "r.db", folder / "pictures")


@pytest.fixture(scope="module")
def made(results: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the report, and what was printed."""
    out = tmp_path_factory.mktemp("report") / "out"
    with pytest.MonkeyPatch.context() as patched:
        said: list[str] = []
        patched.setattr("builtins.print", lambda *texts, **_: said.append(" ".join(map(str, texts))))
        assert report([str(results), "--out", str(out)]) == 0
    return out, "\n".join(said)


@pytest.fixture(scope="module")
def out(made: tuple[Path, str]) -> Path:
    return made[0]


def test_no_tag_attribute_or_address_in_the_page_is_the_third_partys(out: Path) -> None:
    text = (out / "index.html").read_text(encoding="utf-8")
    page = Parsed(text)
    assert TAG in page.text  # it is shown
    assert TAG not in {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    ours = "https://arxiv.org/abs/1603.08155"  # the paper's, in the abstract
    addresses = [a for a in page.values("href", "src", "action", "xlink:href") if a != ours]
    assert not [a for a in addresses if re.match(r"\s*(javascript|http|//|vbscript)", a, re.IGNORECASE)]
    assert all(a.startswith(("#", "data:image/", "figures/", "images/", "data:,")) for a in addresses if a)
    assert not [sign for sign in INVISIBLE if sign in text]


def test_no_element_of_a_figure_is_the_third_partys(out: Path) -> None:
    for file in (out / "figures").glob("*.svg"):
        names = {element.tag.rpartition("}")[2] for element in ET.parse(file).iter()}
        assert not names & {TAG, "script", "a", "foreignObject", "iframe"}, file


def test_tables_hold_no_command_tag_or_formula(out: Path) -> None:
    files = list((out / "tables").iterdir())
    assert len(files) > 30
    for file in files:
        text = file.read_bytes().decode("utf-8")
        assert not [sign for sign in INVISIBLE if sign in text], file
        if file.suffix == ".tex":
            assert "\\input" not in text
            assert "\\write" not in text
            assert "^^" not in text
        if file.suffix == ".md":
            assert not re.search(rf"(?<!\\)<(?!/?u>|{TAG}x)", text), file
            assert not re.search(r"(?<!\\)\]\(", text), file
        if file.suffix == ".csv":
            assert not [cell for row in csv.reader(io.StringIO(text)) for cell in row if computed(cell)], file


def computed(cell: str) -> bool:
    """Whether a spreadsheet would take it for a formula: a number is none."""
    return cell.startswith(("=", "+", "-", "@", "\t")) and not re.fullmatch(
        r"[-+]?[\d.]+(e-?\d+)?[%*]?", cell
    )


def test_what_is_printed_moves_no_cursor(made: tuple[Path, str]) -> None:
    assert not [sign for sign in INVISIBLE if sign in made[1]]
    assert "\\x1b[2J" in made[1]


def test_the_data_are_json_and_hold_the_names_as_they_are(out: Path) -> None:
    text = (out / "report.json").read_text(encoding="utf-8")
    assert text.isascii()
    assert text.count("\\u001b") > 100
    assert EVERYTHING in [row[0]["text"] for table in json.loads(text)["tables"] for row in table["rows"]]


def test_the_pdf_is_made_of_the_same_names(out: Path) -> None:
    content = (out / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"/JavaScript" not in content
    assert b"/Launch" not in content


def test_files_of_the_machine_that_a_third_party_names_are_not_in_the_report(out: Path) -> None:
    secret = Path("/etc/passwd").read_bytes() if Path("/etc/passwd").exists() else b"root:"
    for file in out.rglob("*"):
        if file.is_file():
            assert secret[:40] not in file.read_bytes(), file
    assert all(is_image_file(file) for file in (out / "images").rglob("*.png"))


def test_a_report_writes_below_its_folder_alone(out: Path, results: Path) -> None:
    assert {path.name for path in out.parent.iterdir()} == {"out"}
    assert not [path for path in out.rglob("*") if path.is_symlink()]
    assert {path.name for path in results.parent.iterdir()} <= {"r.db", "pictures", "r.db-wal", "r.db-shm"}
    assert max(len(path.name) for path in out.rglob("*")) < 200


def test_a_comparison_prints_and_writes_it_as_text(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = compare.main([str(results), str(results), "--json", str(tmp_path / "c.json")])
    said = capsys.readouterr()
    assert status == 0, said.err
    assert not [sign for sign in INVISIBLE if sign in said.out + said.err]
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [EVERYTHING, "none\x1b[2J"])
def test_what_is_not_there_is_named_in_one_line(
    results: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for main, arguments in (
        (compare.main, [f"{results}#{name}x", f"{results}#{name}y"]),
        (report, [str(results), "--reference", f"{name}x", "--out", str(results.parent / "none")]),
        (
            preference.main,
            ["build", f"{name}x", "y", "--dataset", name, "--db", str(results), "--out", "none"],
        ),
    ):
        assert main(arguments) in {1, 2}
        err = capsys.readouterr().err
        last = err.rstrip("\n").rpartition("\n")[2]
        assert last.startswith("error: ")
        assert last.isprintable(), ascii(last)
        assert "defect" not in err


def rows() -> list[Row]:
    return [
        Row(
            model=text,
            dataset=text,
            scale=4,
            protocol="johnson2016",
            protocol_hash="0" * 64,
            metric="psnr",
            values={text: -1.5},
        )
        for text in TEXTS
    ]


def test_exported_tables_hold_no_command_tag_or_formula() -> None:
    cells = [cell for row in csv.reader(io.StringIO(FORMATS["csv"](export(rows())))) for cell in row]
    assert "-1.5" in cells
    assert not [cell for cell in cells if computed(cell)]
    assert "\\input" not in FORMATS["latex"](export(rows()))
    assert not re.search(r"(?<!\\)<", FORMATS["markdown"](export(rows())))
    for text in (write(export(rows())) for write in FORMATS.values()):
        assert not [sign for sign in INVISIBLE if sign in text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("+cmd", "'+cmd"),
        ("-2+3", "'-2+3"),
        ("-1.5", "-1.5"),
        ("+0.12", "+0.12"),
        ("-3e-5", "-3e-5"),
        ("12%", "12%"),
        ("a=b", "a=b"),
        ("\t=1", "\\t=1"),
    ],
)
def test_a_formula_is_text_and_a_number_a_number(text: str, shown: str) -> None:
    assert escape_csv(text) == shown


def test_latex_and_markdown_get_no_control_characters() -> None:
    for escape in (escape_latex, escape_markdown):
        assert escape("a\x1b[2J\x00\u202eb").isprintable()
    assert "^^" not in escape_latex(LATEX)


def test_a_program_of_a_third_partys_names_prints_to_any_terminal(results: Path, tmp_path: Path) -> None:
    """A terminal that knows ASCII alone is no reason for a traceback."""
    command = [sys.executable, "-m", "bench.compare", str(results), str(results)]
    ran = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        env={"PATH": "", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"},
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-500:]
    assert b"Traceback" not in ran.stderr
    assert b"\x1b" not in ran.stdout + ran.stderr
