"""The doctor names what is called like our packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import doctor
from bench.commands import doctor as engine
from bench.diagnostics.names import HERE, name_clashes


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def of(name: str) -> list[str]:
    return [line for line in name_clashes() if name in line]


def test_another_distribution_with_a_package_of_that_name_is_named(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = elsewhere / "site"
    (site / "other_bench-3.2.dist-info").mkdir(parents=True)
    (site / "other_bench-3.2.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: other-bench\nVersion: 3.2\n"
    )
    (site / "other_bench-3.2.dist-info" / "top_level.txt").write_text("bench\nunrelated\n")
    assert of("other-bench") == []
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    (line,) = of("other-bench")
    assert line.startswith("other-bench 3.2 installs a top-level package 'bench' too")
    assert "pip uninstall other-bench" in line


def test_a_folder_or_module_here_that_hides_ours_is_named(elsewhere: Path) -> None:
    before = name_clashes()
    (elsewhere / "bench").mkdir()
    (elsewhere / "bench" / "results.csv").write_text("no package")
    assert name_clashes() == before
    (elsewhere / "models").mkdir()
    (elsewhere / "models" / "net.py").write_text("")
    (elsewhere / "reports.py").write_text("")
    found = [line for line in name_clashes() if line not in before]
    assert len(found) == 2
    assert found[0].startswith("./models hides the package 'models'")
    assert "the console script `perceptual-bench PROGRAM`" in found[1]


def test_our_own_checkout_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    assert of("hides the package") == []


def test_the_doctor_says_it(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "inventory", lambda *, verify: ())
    monkeypatch.setattr(engine, "show", lambda *arguments, **more: None)
    (elsewhere / "models.py").write_text("")
    assert doctor.main([]) == 0
    assert "name clash: " in capsys.readouterr().err
