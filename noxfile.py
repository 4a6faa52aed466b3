"""`nox -s demo`: install and run on embedded images. `nox -s tests`: install and pass the tests."""

from __future__ import annotations

import nox

nox.options.sessions = ["tests", "lint", "types"]
nox.options.default_venv_backend = "virtualenv"


@nox.session
def demo(session: nox.Session) -> None:
    """Score the photographs that scikit-image installs with every model that needs no download."""
    session.install(".")
    session.run("python", "-m", "bench.sr_quality", "samples", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole test suite; what needs the real data sets is skipped without PERCEPTUAL_BENCH_DATA."""
    session.install("-e", ".[dev,docs,onnx,spandrel]")
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
    """The speed claims, as ratios within one run; needs a quiet machine."""
    session.install("-e", ".[dev,onnx,spandrel]")
    session.run("pytest", "tests/benchmarks", "--benchmark-enable", "--benchmark-only", *session.posargs)
