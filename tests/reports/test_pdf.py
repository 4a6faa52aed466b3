"""The PDF: complete, the same on every machine, and proof against whatever a name may hold."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bench.errors import RunError
from bench.records import Environment, SpeedResult
from bench.storage.reader import StoredRun, read
from reports.load.gather import gather
from reports.load.paper import PaperCell
from reports.load.results import Results
from reports.parts import Cell, Figure, Head, Report, Scoring, Section, Table, Verdict
from reports.tables.quality import quality_table
from reports.writers.data import to_json
from reports.writers.pdf import write_pdf
from reports.writers.pdf_data import document
from reports.writers.pdf_methods import hardware, methods, software
from reports.writers.pdf_provenance import ATTACHMENT, provenance
from reports.writers.pdf_published import gathered
from reports.writers.pdf_references import references
from reports.writers.pdf_text import plain
from reports.writers.pdf_verdicts import BRING, verdicts
from tests.reports.results import group
from tests.stores import MACHINE, fill

HOSTILE = (
    "#panic()",
    "$x$",
    "*bold*",
    "_under_",
    "back\\slash",
    "@label",
    "<label>",
    "//comment",
    "/*comment*/",
    "`raw`",
    '#import"@preview/x:1.0.0"',
    "<img_src=x_onerror=alert(1)>.png",
    '"quoted"',
    "a--b---c...",
    "]#eval('1')[",
    "Ωμέγα-Жук-naïve",
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40"><path d="M5 5L80 35" stroke="black"/></svg>'
EMPTY = Results(stores=(), groups=(), timings=(), environments={}, notes=())


def table(names: tuple[str, ...], **fields: object) -> Table:
    heads = (Head(text="name", numeric=False), Head(text="psnr", better="higher"))
    rows = tuple((Cell(text=name), Cell(text=f"{20 + i / 4:.2f}")) for i, name in enumerate(names))
    return Table(**{"id": "t", "title": "Names", "caption": "", "heads": heads, "rows": rows, **fields})  # type: ignore[arg-type]


def report(*sections: Section, results: Results = EMPTY, found: tuple[Verdict, ...] = ()) -> Report:
    return Report(
        title="A report",
        made="2026-11-21T08:00:00+00:00",
        version="0.1.0",
        summary=("One thing is known.",),
        counts={"reproduced": 3, "not run": 4},
        sections=sections,
        results=results,
        verdicts=found,
    )


def section(**fields: object) -> Section:
    return Section(**{"id": "s", "title": "A section", **fields})  # type: ignore[arg-type]


def verdict(**fields: object) -> Verdict:
    cell = PaperCell(
        id="a", where="Figure 8", row="Set5", column="psnr", printed="28.43", protocol="johnson2016"
    )
    return Verdict(**{"cell": cell, "judgement": "reproduced", **fields})  # type: ignore[arg-type]


def raw_text(file: Path) -> str:
    """The text of all pages, line by line."""
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext")
    done = subprocess.run(["pdftotext", "-raw", str(file), "-"], capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def text_of(file: Path) -> str:
    """The text of all pages without its white space, which lines and columns put anywhere."""
    return "".join(raw_text(file).split())


def pages(file: Path) -> int:
    if shutil.which("pdfinfo") is None:
        pytest.skip("needs pdfinfo")
    done = subprocess.run(["pdfinfo", str(file)], capture_output=True, text=True, check=True, timeout=60)
    return int(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("Pages:")))


@pytest.fixture(autouse=True)
def _no_warning_of_typst(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a layout that did not converge, whose page numbers are wrong."""
    import typst

    whole = typst.Compiler

    class Strict:
        def __init__(self, *args: Any, **options: Any) -> None:
            self.own = whole(*args, **options)

        def compile(self, **options: Any) -> object:
            pdf, warnings = self.own.compile_with_warnings(**options)
            assert not [str(warning) for warning in warnings]
            return pdf

    monkeypatch.setattr(typst, "Compiler", Strict)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    file = tmp_path_factory.mktemp("stores") / "results.db"
    fill(file, levels={"bicubic": 0.0, HOSTILE[0]: 1.0})
    return gather(read([file]))


def test_an_empty_report_is_still_a_document(tmp_path: Path) -> None:
    file = tmp_path / "new" / "report.pdf"
    write_pdf(report(section(tables=(table(()),))), file)
    assert file.read_bytes().startswith(b"%PDF-")
    assert pages(file) >= 1


def test_equal_reports_give_equal_bytes(tmp_path: Path, results: Results) -> None:
    own = report(section(tables=(table(HOSTILE),)), results=results, found=(verdict(),))
    for name in ("a.pdf", "b.pdf"):
        write_pdf(own, tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_hostile_text_is_shown_and_not_run(tmp_path: Path) -> None:
    everything = " ".join(HOSTILE)
    figure = Figure(id="f", title=everything, caption=everything, reason=everything, command=everything)
    bad = table(HOSTILE, title=everything, caption=everything, notes=HOSTILE)
    whole = section(title=everything, text=HOSTILE, tables=(bad,), figures=(figure,))
    cell = replace(verdict().cell, where=HOSTILE[0], row=HOSTILE[1], column=HOSTILE[2], remark=HOSTILE[3])
    file = tmp_path / "report.pdf"
    write_pdf(replace(report(whole, found=(verdict(cell=cell, why=everything),)), title=everything), file)
    text = text_of(file)
    for name in HOSTILE:
        assert text.count(name) >= 8, name


def test_a_name_without_spaces_stays_on_the_page(tmp_path: Path) -> None:
    long = "".join(f"{i:03d}W" for i in range(24))
    file = tmp_path / "report.pdf"
    wide = table((long, "x"), heads=(Head(text="name", numeric=False), Head(text=long)))
    write_pdf(report(section(title=long, text=(long,), tables=(wide,))), file)
    assert text_of(file).count(long) >= 4
    boxes = subprocess.run(["pdftotext", "-bbox", str(file), "-"], capture_output=True, text=True, check=True)
    edges = [float(part.split('"')[1]) for part in boxes.stdout.split() if part.startswith("xMax=")]
    assert max(edges) < 842 - 60


def test_a_long_table_breaks_and_repeats_its_head(tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    heads = (Head(text="unmistakable", numeric=False), Head(text="psnr"))
    write_pdf(report(section(tables=(table(tuple(f"image{i}" for i in range(300)), heads=heads),))), file)
    assert text_of(file).count("unmistakable") >= 4
    assert "image299" in text_of(file)


def test_a_wide_table_is_broken_into_parts_below_each_other(tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    heads = tuple(Head(text=f"model{i}") for i in range(24))
    rows = (tuple(Cell(text=f"{100 + i}.123") for i in range(24)),)
    write_pdf(report(section(tables=(table((), heads=heads, rows=rows),))), file)
    lines = [line.split() for line in raw_text(file).splitlines()]
    parts = [line for line in lines if line[:1] == ["model0"]]
    assert len(parts) == 2  # each begins with the first column
    assert {name for part in parts for name in part} == {head.text for head in heads}
    assert [line[1] for line in lines if line[:1] == ["100.123"]] == ["101.123", "114.123"]


def test_page_numbers_in_the_contents_are_right(tmp_path: Path) -> None:
    for count in (1, 60):
        names = tuple(f"Section{i}" for i in range(count))
        file = tmp_path / "report.pdf"
        tables = tuple(table(("x",), id=f"t{i}", title=f"Table{i}") for i in range(count))
        write_pdf(report(*(section(title=name) for name in names), section(tables=tables)), file)
        last = pages(file)
        assert re.search(rf"(?m)^C Provenance[\W]*\b{last}$", raw_text(file))
        assert text_of(file).endswith(f"{last}of{last}")


def test_figures_are_drawn_or_their_absence_is_explained(tmp_path: Path) -> None:
    (tmp_path / "lines.svg").write_text(SVG)
    (tmp_path / "pixels.svg").write_text(SVG.replace("<path", "<image/><path"))
    Image.new("RGB", (600, 900), "red").save(tmp_path / "pixels.png")
    figures = (
        Figure(id="a", title="Lines", caption="", svg=tmp_path / "lines.svg"),
        Figure(id="b", title="Pixels", caption="", svg=tmp_path / "pixels.svg", png=tmp_path / "pixels.png"),
        Figure(
            id="c", title="None", caption="", reason="no network was trained", command="python -m bench.train"
        ),
    )
    file = tmp_path / "report.pdf"
    write_pdf(report(section(figures=figures)), file)
    text = text_of(file)
    assert all(
        part in text for part in ("Figure1.Lines.", "Figure2.Pixels.", "nonetworkwastrained", "bench.train")
    )
    assert file.read_bytes().count(b"/Subtype /Image") + file.read_bytes().count(b"/Subtype/Image") == 1


@pytest.mark.parametrize("content", [b"", b"<svg", b"\x89PNG\r\n\x1a\n broken", None])
@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_broken_figure_is_named(tmp_path: Path, content: bytes | None, suffix: str) -> None:
    (tmp_path / "fine.svg").write_text(SVG)
    bad = tmp_path / f"bad.{suffix}"
    if content is not None:
        bad.write_bytes(content)
    figures = (
        Figure(id="fine", title="Fine", caption="", svg=tmp_path / "fine.svg"),
        Figure(id="bad", title="Bad", caption="", **{suffix: bad}),  # type: ignore[arg-type]
    )
    with pytest.raises(RunError, match=rf"figure '.*bad\.{suffix}': .*must be an SVG or PNG"):
        write_pdf(report(section(figures=figures)), tmp_path / "report.pdf")
    assert not (tmp_path / "report.pdf").exists()


def test_a_typst_without_its_fonts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import typst

    class Bare:
        def __init__(self, *, include_system_fonts: bool) -> None:
            assert not include_system_fonts

        def families(self) -> list[str]:
            return ["DejaVu Sans Mono"]

    monkeypatch.setattr(typst, "Fonts", Bare)
    with pytest.raises(RunError, match="DejaVu Sans Mono; must be Libertinus Serif"):
        write_pdf(report(), tmp_path / "report.pdf")


def test_numbers_of_a_column_align_at_the_point() -> None:
    column = table(
        (), heads=(Head(text="n"),), rows=tuple((Cell(text=t),) for t in ("-1.25", "10", "3.", "n/a"))
    )
    rows = document(report(section(tables=(column,))), {})["sections"][0]["tables"][0]["rows"]
    assert [cell.get("tail", "") for (cell,) in rows] == ["", ".25", "25", ""]
    assert rows[0][0]["text"] == "\u22121.25"


def test_the_provenance_of_every_number_is_attached(tmp_path: Path, results: Results) -> None:
    file = tmp_path / "report.pdf"
    write_pdf(report(section(), results=results), file)
    content = file.read_bytes()
    assert b"/EmbeddedFile" in content
    assert ATTACHMENT.encode() in content
    (own,) = (s for s in document(report(results=results), {})["appendices"] if s["title"] == "Provenance")
    assert f"{len(results.provenance)} provenance records" in own["text"][0]


def test_what_cannot_be_seen_is_spelled_out() -> None:
    glyphs = frozenset(range(0x2100))
    assert plain("a\u202eb\x07 c\n\td\udcff", glyphs) == "a<U+202E>b<U+0007> c d<U+DCFF>"
    assert plain("日", glyphs) == "<U+65E5>"
    assert plain("x" * 500, glyphs) == "x" * 63 + "…" + "x" * 32


def test_numbers_of_this_run_have_their_notes_and_the_others_share_a_row() -> None:
    cell = replace(
        verdict().cell, printed="0.7301", standing="misprint", likely="0.7031", remark="digits swapped"
    )
    missing = verdict(judgement="not run", why="no network", command="python -m bench.train")
    ours = verdict(cell=cell, ours=0.7032, difference=0.0001, interval=(0.70, 0.71))
    measured, pending = verdicts([missing, missing, ours], references(EMPTY, [])).tables
    assert measured.notes == ("(1) misprint of 0.7031; digits swapped",)
    assert [cell.text for cell in measured.rows[0][2:7]] == [
        "0.7301",
        "0.7032",
        "+0.0001",
        "[0.7000, 0.7100]",
        "reproduced",
    ]
    ((where, _, n, reason),) = pending.rows
    assert (where.text, n.text) == ("Figure 8", "2")
    assert "python -m bench.train" in reason.text


def test_verdicts_are_grouped_by_what_they_are_and_not_by_their_words() -> None:
    brought = [verdict(judgement="not run", missing="checkpoint", why=f"bring {m}") for m in ("a", "b")]
    ours = [
        verdict(
            judgement="not run",
            missing="weights",
            why=f"train {model}",
            command="as text",
            scoring=Scoring(datasets=(dataset,), models=(model,), options=("--scales", "4")),
        )
        for dataset, model in (("set5", "m"), ("set14", "m"), ("set5", "n"))
    ]
    (table,) = verdicts([*brought, *ours], references(EMPTY, [])).tables
    assert [(row[2].text, row[3].text) for row in table.rows] == [
        ("2", BRING),
        ("3", "python -m bench.sr_quality set5 set14 --models m n --scales 4"),
    ]
    written = json.loads(to_json(report(found=tuple(ours))))["verdicts"][0]
    assert written["command"] == "as text"
    assert not {"scoring", "missing"} & set(written)


def test_published_rows_are_gathered_by_what_they_are_and_not_by_their_words() -> None:
    made = quality_table(group({("bicubic", "psnr"): [28.0] * 5}), None)
    assert made.published is not None
    worded = [(replace(row[0], text=f"{row[0].text}, as printed"), *row[1:]) for row in made.rows]
    own, published = gathered(
        section(tables=(replace(made, title="Means", rows=tuple(worded)),)), references(EMPTY, [])
    ).tables
    assert [row[0].text for row in own.rows] == ["bicubic, as printed"]
    names = [(row[0].text, row[1].text.partition(" [")[0]) for row in published.rows]
    assert names == list(made.published.names)
    assert not [note for note in own.notes if note.startswith("Published")]
    (written, *_) = json.loads(to_json(report(section(tables=(made,)))))["tables"]
    assert "published" not in written


def test_an_appendix_takes_up_the_section_of_its_name() -> None:
    theirs = section(id="verdicts", text=("How they are judged.",))
    sr = section(id="sr", text=("Scores.",))
    data = document(report(theirs, sr, found=(verdict(ours=28.4, difference=-0.03),)), {})
    assert [s["title"] for s in data["sections"]] == ["A section"]
    assert data["appendices"][0]["text"][0] == "How they are judged."
    assert [t["title"] for t in data["appendices"][0]["tables"]] == ["Figure 8"]


def test_methods_say_what_protocols_share_and_where_they_differ(tmp_path: Path) -> None:
    for scale in (4, 8):
        fill(tmp_path / "results.db", levels={"bicubic": 0.0}, scale=scale)
    same, differing, machines = methods(gather(read([tmp_path / "results.db"]))).tables
    assert ("channel", "y") in [(row[0].text, row[1].text) for row in same.rows]
    assert [head.text for head in differing.heads] == ["protocol", "hash", "scale", "shave"]
    assert [cell.text for cell in machines.rows[0]][2:] == [
        "invented, 2 cores, 8.0 GiB memory, no GPU",
        "unknown system; torch 2.15.0",
        "0.1.0, 00000000",
    ]


def test_timings_have_methods_and_provenance_too(results: Results) -> None:
    run = StoredRun(
        store="/home/someone/speed.db",
        id=7,
        program="speed",
        command=("--sizes", "256"),
        started="2026-11-21T08:00:00+00:00",
        finished=None,
        environment_hash=Environment(facts=MACHINE).hash,
    )
    known = next(iter(results.provenance.values()))
    timing = replace(
        known,
        id="c1",
        subject="gatys",
        protocol="speed",
        protocol_hash="f" * 64,
        definition={"size": 256, "graph": False, "timed_region": ["network"]},
        runs=(run,),
        extra={"form": "eager", "size": 256},
    )
    timed = SpeedResult(
        subject="gatys",
        subject_hash="",
        variant="eager",
        size=256,
        protocol_hash="f" * 64,
        environment_hash=run.environment_hash,
        seconds=(1.0,),
        certificate={},
    )
    both = replace(results, timings=((timed, timing),))
    assert [table.id for table in methods(both).tables] == [
        "protocols-scoring",
        "protocols-speed",
        "machines",
    ]
    (commands,) = provenance(both).tables
    assert all(cell.text for line in commands.rows for cell in line)


def test_a_gpu_is_described_and_unknown_facts_are_called_unknown() -> None:
    gpu = {"name": "NVIDIA H200", "memory_bytes": 141 * 2**30, "count": 2, "cuda": "13.2", "driver": "580"}
    facts = {**MACHINE, "gpu": gpu}
    assert (
        hardware(facts) == "invented, 2 cores, 8.0 GiB memory, NVIDIA H200 (one of 2), 141.0 GiB GPU memory"
    )
    assert software(facts) == "unknown system; torch 2.15.0, CUDA 13.2, driver 580"
    assert hardware({"cpu": "broken"}) == "unknown processor, unknown number of cores, unknown memory, no GPU"
