"""What pip and uv are set up for, from their files and variables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.data.download import Connection
from bench.data.trunks import installer as module
from bench.data.trunks.installer import Installer, installer

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


def test_without_configuration_it_is_pips_own_default() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--help"], capture_output=True, text=True, check=True
    ).stdout
    (default,) = re.findall(r"Base URL of the Python Package\s+Index \(default\s+(\S+)\)", said)
    assert installer() == Installer(indexes=(default,))


def test_the_environment_wins_over_pips_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://a:b@one/simple\nextra-index-url =\n  https://two/simple\n  file:///three\n"
        "find-links = /wheels\ncert = /ca.pem\nproxy = http://p:q@proxy:1\n"
        "[download]\nfind-links = /more /wheels\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    assert installer() == Installer(
        indexes=("https://a:b@one/simple", "https://two/simple", "file:///three"),
        links=("/more", "/wheels"),
        connection=Connection(cert="/ca.pem", proxy="http://p:q@proxy:1"),
    )
    monkeypatch.setenv("PIP_INDEX_URL", "https://four/simple")
    assert installer().indexes[0] == "https://four/simple"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert installer().indexes == ()
    assert installer().links == ("/more", "/wheels")


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_uvs_variables_name_the_index_in_place_of_the_default(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "https://one/simple?a=b/c")
    monkeypatch.setenv("UV_INDEX", "work=https://two/simple https://three/simple")
    monkeypatch.setenv("UV_EXTRA_INDEX_URL", "https://four/simple")
    expected = (
        "https://one/simple?a=b/c",
        "https://two/simple",
        "https://three/simple",
        "https://four/simple",
    )
    assert installer().indexes == expected
    monkeypatch.setattr(module, "has_pip", lambda: False)
    assert installer().indexes == expected
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://five/simple")
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert installer().indexes == ("https://five/simple",)


def test_without_pip_its_variables_still_count_and_there_is_no_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "has_pip", lambda: False)
    monkeypatch.setattr(module, "_pips_default", lambda: "")
    assert installer() == Installer()
    monkeypatch.setenv("PIP_INDEX_URL", "https://one/simple")
    assert installer().indexes == ("https://one/simple",)


def test_no_host_of_an_index_is_written_in_the_code() -> None:
    for file in (ROOT / "bench/data/trunks").rglob("*.py"):
        assert "://" not in file.read_text().replace('"://"', ""), file
