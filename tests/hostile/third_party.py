"""A results file of a third party in which every text is code for something that results are shown on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.protocols import protocol
from bench.records import Environment, Failure, MetricInfo, Run, SavedImage, Score, SpeedResult
from bench.storage.store import Store
from tests.reports.results import timing
from tests.stores import fill, fill_styles, style_protocol

TAG = "hostile-tag"
MARKUP = f"<{TAG} onclick=alert(1)>\"'></script></style></svg>]]>--><{TAG}><img src=x onerror=alert(1)>&lt;{{{{7*7}}}}"
LATEX = "\\input{/etc/passwd}\\write18{id}%$x$^^5c^^5cinput~_&#"
TYPST = '#panic() #read("/etc/passwd") $x$ @label // `raw`'
TERMINAL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\r\n\x00"
MARKDOWN = "[x](javascript:alert(1)) ![x](http://x/y.png) | `c` **b**"
FORMULA = "=cmd|' /C calc'!A0"
RICH = "[bold red]x[/bold red][link=http://x]y[/link][/]"
EVERYTHING = FORMULA + RICH + MARKUP + LATEX + TYPST + MARKDOWN + TERMINAL
TEXTS = (EVERYTHING, "../../../escape", "/etc/passwd", "+1+1", "@SUM(A1)", "-2+3", "a" * 300)


def third_party(file: Path, pictures: Path) -> Path:
    """Scores, pictures, failures, timings and curves, and everything that is said of them."""
    machine = {
        "suite": {"version": EVERYTHING, "commit": EVERYTHING},
        "cpu": {"model": EVERYTHING, "cores_allowed": EVERYTHING},
        "torch": {"version": EVERYTHING, "accelerators": [EVERYTHING]},
        "gpu": {"name": EVERYTHING, "memory_bytes": EVERYTHING},
        "packages": {EVERYTHING: EVERYTHING},
        EVERYTHING: EVERYTHING,
        "device": EVERYTHING,
    }
    fill(
        file,
        levels={text: float(i) for i, text in enumerate(("bicubic", *TEXTS))},
        images=[f"{i}{text}" for i, text in enumerate(TEXTS)],
        dataset=EVERYTHING,
        machine=machine,
    )
    rule = replace(protocol("johnson2016", 4), name=EVERYTHING, shave=5)
    odd = MetricInfo(
        name=EVERYTHING,
        version=EVERYTHING,
        about=EVERYTHING,
        unit=EVERYTHING,
        decimals=3,
        higher_is_better=True,
    )
    run = Run(
        program=EVERYTHING,
        command=(EVERYTHING, "--db", EVERYTHING),
        started=EVERYTHING,
        environment=Environment(facts=machine),
        protocols=(rule,),
        metrics=(odd,),
    )
    scores = [_score(rule.hash, model, image) for model in ("bicubic", *TEXTS) for image in TEXTS]
    reasons = [Failure(dataset=EVERYTHING, image=EVERYTHING, model=EVERYTHING, scale=4, reason=EVERYTHING)]
    with Store(file) as store:
        number = store.start(run)
        store.add(number, scores=scores, failures=reasons, pictures=list(_secrets(rule.hash)))
        store.add(number, timings=[replace(_timing(machine), environment_hash=run.environment.hash)])
    style = style_protocol(EVERYTHING, loss_network=EVERYTHING)
    fill_styles(file, style, networks={EVERYTHING: 0.1}, images=TEXTS, dataset=EVERYTHING, pictures=pictures)
    return file


def _score(rule: str, model: str, image: str) -> Score:
    return Score(
        model=model,
        model_hash=EVERYTHING,
        dataset=EVERYTHING,
        image=image,
        image_sha256=EVERYTHING,
        scale=4,
        protocol=EVERYTHING,
        protocol_hash=rule,
        metric=EVERYTHING,
        metric_version=EVERYTHING,
        value=len(model) / 7 + len(image),
    )


def _secrets(rule: str) -> list[SavedImage]:
    """Pictures that are other people's files."""
    files = (
        "/etc/passwd",
        "../../../../../../etc/passwd",
        "/dev/zero",
        "/proc/self/environ",
        "x" * 5000,
        "a\x00b",
    )
    return [
        SavedImage(
            dataset=EVERYTHING,
            protocol_hash=rule,
            image=image,
            image_sha256=EVERYTHING,
            model="hr",
            model_hash="",
            file=file,
        )
        for image, file in zip(TEXTS, files, strict=False)
    ]


def _timing(machine: dict[str, object]) -> SpeedResult:
    made = timing(EVERYTHING, 256, [0.1 + i / 1000 for i in range(8)], machine=machine, variant=EVERYTHING)
    paper = {**made.certificate, "weights": EVERYTHING, "warnings": [EVERYTHING], EVERYTHING: EVERYTHING}
    return replace(made, certificate=paper, subject_hash=EVERYTHING)
