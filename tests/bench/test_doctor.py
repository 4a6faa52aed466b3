from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from rich.console import Console
from rich.progress import Progress

from bench import doctor
from bench.commands.doctor import wanted
from bench.data import manifest
from bench.data.manifest import ManifestFile
from bench.diagnostics.fetching import Transfer, fetch
from bench.diagnostics.inventory import FileReport, GroupReport, inventory
from bench.diagnostics.tables import machine_rows, missing, own_name, size
from bench.doctor import main
from bench.environment import environment
from tests.schemas import assert_valid

from .conftest import CONTENT, Server


def put(folder: Path, entry: ManifestFile, content: bytes) -> Path:
    path = folder / entry.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def group(count: int) -> GroupReport:
    files = tuple(
        FileReport(
            name=f"data/x/{n}.png",
            state="missing",
            bytes=1500,
            sha256="0",
            address=f"https://there/y/{n}.png",
        )
        for n in range(count)
    )
    return GroupReport(name="x", licence="none", source="", enables="data set x", files=files)


def test_a_missing_file_is_shown_with_use_licence_and_address_and_is_no_failure(
    entry: ManifestFile, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "tiny" in out
    assert "0 of 1" in out
    assert "missing; each is downloaded when first needed" in out
    assert "data/tiny/: a.png" in out
    assert f"from {server.address}/" in out
    assert server.hits == []


def test_a_damaged_file_is_named_with_the_remedy_and_the_status_is_1(
    entry: ManifestFile, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(folder, entry, b"short")
    assert main([]) == 1
    out = capsys.readouterr().out
    assert "1 damaged" in out
    assert "data/tiny/a.png in the cache is damaged: it has 5 bytes; must be 1600; delete" in out


def test_only_verify_finds_a_file_whose_size_is_right(entry: ManifestFile, folder: Path) -> None:
    put(folder, entry, bytes(len(CONTENT)))
    assert main([]) == 0
    assert main(["--verify"]) == 1


@pytest.mark.parametrize("groups", [[], ["tiny"]])
def test_fetch_gets_what_is_missing_and_mends_what_is_damaged(
    entry: ManifestFile, server: Server, folder: Path, groups: list[str]
) -> None:
    server.give("/a.png", CONTENT)
    path = put(folder, entry, b"short")
    assert main(["--fetch", *groups]) == 0
    assert path.read_bytes() == CONTENT
    assert main(["--fetch", *groups]) == 0
    assert server.hits == ["/a.png"]


def test_what_could_not_be_fetched_is_named_and_the_status_is_1(
    entry: ManifestFile, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--fetch", "tiny"]) == 1
    assert "not fetched: data/tiny/a.png is missing and could not be downloaded" in capsys.readouterr().err


def test_json_holds_machine_and_files(entry: ManifestFile, folder: Path, tmp_path: Path) -> None:
    put(folder, entry, CONTENT)
    target = tmp_path / "new" / "doctor.json"
    assert main(["--json", str(target), "--verify"]) == 0
    assert_valid("doctor", target)
    found = json.loads(target.read_text())
    assert found["environment"]["python"]
    assert found["folder"] == str(folder)
    assert found["verified"] is True
    samples, tiny = found["groups"]
    assert samples["name"] == "samples"
    assert {file["state"] for file in samples["files"]} == {"present"}
    assert tiny["files"][0] == {
        "name": entry.name,
        "state": "present",
        "bytes": 1600,
        "sha256": entry.sha256,
        "address": entry.address,
        "trouble": "",
    }


def test_an_unknown_group_is_bad_usage_that_lists_the_groups(
    entry: ManifestFile, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--fetch", "set6"]) == 2
    assert "error: no group of files is called 'set6'; there are: tiny" in capsys.readouterr().err


def test_the_samples_need_no_fetching() -> None:
    assert wanted(["samples"]) == ()
    assert wanted(["set5", "set5"]) == tuple(file.name for file in manifest.group("set5").files)
    assert wanted([]) == tuple(manifest.files())


def test_the_real_folder_holds_every_group_but_what_was_not_collected(real_data: Path) -> None:
    incomplete = [g.name for g in inventory(verify=False) if len(g.having("present")) < len(g.files)]
    assert set(incomplete) <= {"vgg16", "vgg19", "alexnet", "squeezenet", "urban100", "t91", "dists"}


@pytest.mark.parametrize(
    ("capabilities", "words"),
    [
        (["avx2", "avx512_bf16"], "avx512_bf16: used by default where its error allows"),
        (
            ["avx512_bf16", "avx512_fp16"],
            "avx512_bf16: slower than float32 on this processor, not used by default",
        ),
        (["avx2"], "no units on the CPU"),
    ],
)
def test_units_for_bfloat16_are_shown(capabilities: list[str], words: str) -> None:
    machine = environment()
    cpu = {**machine.facts["cpu"], "capabilities": capabilities}
    assert dict(machine_rows(replace(machine, facts={**machine.facts, "cpu": cpu})))["bfloat16"] == words


def test_many_missing_files_are_summed_up_unless_verbose() -> None:
    assert list(missing(group(11), verbose=False)) == [
        "x: data set x",
        "  data/x/: 11 files, 16 kB",
        "  from https://there/y/",
    ]
    assert list(missing(group(2), verbose=False))[1] == "  data/x/: 0.png, 1.png"
    assert "10.png" in list(missing(group(11), verbose=True))[1]
    assert list(missing(group(0), verbose=False)) == []


def test_a_file_that_is_called_otherwise_where_it_is_had_from_is_shown_with_both_names() -> None:
    file = replace(group(1).files[0], address="https://there/z.png")
    assert own_name(file) == "0.png (there z.png)"


def test_sizes_are_in_powers_of_1000_and_empty_where_one_is_not_pinned() -> None:
    files = group(2).files
    assert size(files) == "3 kB"
    assert size([replace(files[0], bytes=2_345_678)]) == "2.3 MB"
    assert size([files[0], replace(files[1], bytes=None)]) == ""


def test_a_host_that_is_gone_costs_one_attempt_at_most_per_thread(
    entry: ManifestFile, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    many = {
        f"data/tiny/{n}.png": replace(entry, name=f"data/tiny/{n}.png", address=address) for n in range(40)
    }
    monkeypatch.setattr(manifest, "files", lambda: MappingProxyType(many))
    reasons = fetch(tuple(many))
    assert len(reasons) == 40
    assert sum("not tried again" in reason for reason in reasons) >= 34


def test_a_transfer_shows_its_bytes_and_stops_when_told() -> None:
    stop = threading.Event()
    screen = Progress(console=Console(file=io.StringIO()))
    transfer = Transfer("a.png", stop, screen)
    transfer.total = 100
    transfer.update(60)
    assert (screen.tasks[0].total, screen.tasks[0].completed) == (100, 60)
    transfer.close()
    assert screen.tasks == []
    stop.set()
    with pytest.raises(CancelledError):
        transfer.update(1)


def test_interrupting_a_fetch_ends_it_and_leaves_no_half_file(
    entry: ManifestFile, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.give("/a.png", CONTENT)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.diagnostics.fetching.as_completed", interrupt)
    monkeypatch.setattr(Transfer, "update", lambda self, count: self.stop.wait(5) and interrupt_download())
    with pytest.raises(KeyboardInterrupt):
        fetch((entry.name,))
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def interrupt_download() -> None:
    raise CancelledError


def test_help_imports_nothing_heavy_and_shows_examples() -> None:
    program = (
        "import sys\nfrom bench.doctor import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    heavy = {'torch', 'numpy', 'rich', 'pooch'} & set(sys.modules)\n"
        "    sys.exit(bool(end.code or heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(doctor.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "examples:" in done.stdout
    assert "exit status: 0" in done.stdout


def test_many_failures_are_summed_up_unless_verbose(
    entry: ManifestFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.commands.doctor.fetch", lambda names: tuple(f"reason {n}" for n in range(12)))
    assert main(["--fetch"]) == 1
    err = capsys.readouterr().err
    assert err.count("not fetched: reason") == 10
    assert "not fetched: 2 more (--verbose names them)" in err
    assert main(["--fetch", "--verbose"]) == 1
    assert capsys.readouterr().err.count("not fetched: reason") == 12
