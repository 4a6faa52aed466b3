"""A small report with everything in it that a page must show, names that want to be code among it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from bench.storage.reader import read
from reports.load.gather import gather
from reports.load.paper import PaperCell
from reports.load.results import Group, Results
from reports.parts import Cell, Figure, Head, Judgement, Report, Section, Table, Verdict
from tests.stores import fill

IMAGE_CODE = "<img src=x onerror=alert(1)>.png"
MODEL_CODE = '"><script>alert(1)</script>'
IMAGES = ("ape", "bee", IMAGE_CODE, "\u2028</script>")
LEVELS = {"nearest": 0.0, "bicubic": 1.0, MODEL_CODE: 2.0}
SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">
<path d="M0 0
L 9 9"/>
<text x="1" y="9">50 % &lt;b&gt; #1</text></svg>
"""


def results(folder: Path, *, images: Sequence[str] = IMAGES, pictures: bool = True) -> Results:
    """Two groups of three models, with pictures of 48x40."""
    file = folder / "results.db"
    for scale in (4, 8):
        fill(
            file,
            levels=LEVELS,
            images=images,
            scale=scale,
            pictures=folder / "pictures" if pictures else None,
        )
    return gather(read([file]))


def report(folder: Path, found: Results, **changes: object) -> Report:
    """A table of each group, a figure, a figure that could not be made, and a verdict of each kind."""
    (folder / "f1.svg").write_text(SVG, encoding="utf-8")
    Image.new("RGB", (8, 4)).save(folder / "f1.png")
    drawn = Figure(
        id="f1",
        title="Figure 1.",
        caption="A line.",
        svg=folder / "f1.svg",
        png=folder / "f1.png",
        alt="a line",
    )
    absent = Figure(
        id="f2", title="Figure 2", caption="", reason="no style results", command="python -m bench.x"
    )
    verdicts = tuple(_verdicts(found))
    made = Report(
        title="Report of <b>tests</b>",
        made="2026-11-21T08:00:00+00:00",
        version="0.1.0",
        summary=("One & only.",),
        counts=Counter(verdict.judgement for verdict in verdicts),
        sections=(
            Section(
                id="quality",
                title="Quality",
                text=("Means & more.",),
                tables=tuple(_table(group) for group in found.groups),
            ),
            Section(id="figures", title="Figures", figures=(drawn, absent)),
        ),
        results=found,
        verdicts=verdicts,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def _table(group: Group) -> Table:
    means = {model: group.column(model, "psnr").mean() for model in group.models}
    rows = [
        (
            Cell(text=model),
            Cell(
                text=f"{mean:.2f}",
                sort=mean,
                mark="best" if mean == max(means.values()) else "",
                certificate=group.provenance[model, "psnr"].id,
                note=f"n = {len(group.images)}",
            ),
        )
        for model, mean in means.items()
    ]
    rows.append((Cell(text="printed", muted=True), Cell(text="", muted=True)))
    return Table(
        id=f"t-{group.id}",
        title=group.title,
        caption="Means.",
        heads=(Head(text="model", numeric=False), Head(text="psnr", better="higher")),
        rows=tuple(rows),
        rules=(len(rows) - 1,),
        notes=("Grey: printed by others.",),
    )


def _verdicts(found: Results) -> list[Verdict]:
    certificate = next(iter(found.provenance), "")
    judgements: tuple[Judgement, ...] = ("reproduced", "off by", "cannot be reproduced", "not run")
    return [
        Verdict(
            cell=PaperCell(
                id=f"cell.{i}",
                where="Johnson 2016, Figure 8",
                row="bicubic",
                column=f"image {i}",
                printed="28.43",
                unit="dB",
                standing="misprint" if i == 1 else "printed",
                likely="28.34" if i == 1 else "",
                remark="two digits changed places" if i == 1 else "",
            ),
            judgement=judgement,
            ours=28.41 if i < 2 else None,
            difference=-0.02 if i < 2 else None,
            interval=(28.1, 28.7) if i < 2 else None,
            why="it was never released" if i == 2 else "",
            command="python -m bench.sr_quality set5" if i == 3 else "",
            certificate=certificate if i < 2 else "",
        )
        for i, judgement in enumerate(judgements)
    ]
