"""`bench.doctor --report`: whole on a broken machine, and without anything that says whose machine it is."""

from __future__ import annotations

import getpass
import os
import platform
import re
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data import shipped
from bench.diagnostics import inventory
from bench.diagnostics import report as doctor_report
from bench.diagnostics.mask import masked, masked_free_text
from bench.diagnostics.report import direct, fenced, part, report
from bench.doctor import main
from bench.environment import version
from bench.records import Environment, Failure, Run
from bench.storage.store import Store, now
from tests.stores import MACHINE

TITLES = (
    *("suite and machine", "GPU", "packages", "memory and disk", "data files", "weights of the package"),
    "environment variables",
)
TOKEN = "ghp_" + "a1B2" * 9


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user with a name, a host, a home folder with a blank in it, and secrets in the environment."""
    home = tmp_path / "Zaphod B" / "zaphod"
    (home / "cache").mkdir(parents=True)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("USER", "zaphod")
    monkeypatch.setattr(getpass, "getuser", lambda: "zaphod")
    monkeypatch.setattr(platform, "node", lambda: "betelgeuse.example.org")
    monkeypatch.setenv("PERCEPTUAL_BENCH_DATA", str(home / "cache"))
    monkeypatch.setenv("HTTPS_PROXY", "https://zaphod:heart-of-gold@proxy.example.org:3128")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"{home}/devices")
    monkeypatch.setenv("HUB_TOKEN", TOKEN)
    return home


def store_of(home: Path, *reasons: str) -> Path:
    """A results file whose runs and failures name what nobody else should read."""
    file = home / "results.db"
    run = Run(
        program="sr_quality",
        command=(str(home / "photos"), "--models", "/mnt/My Clients/net.pth", "--db", "secret/results.db"),
        started=now(),
        environment=Environment(facts=MACHINE),
        protocols=(),
        metrics=(),
    )
    with Store(file) as store:
        number = store.start(run)
        failures = [
            Failure(dataset="photos", image=f"i{n}", model="bicubic", scale=4, reason=reason)
            for n, reason in enumerate(reasons)
        ]
        store.add(number, failures=failures)
    return file


def test_the_block_is_markdown_with_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--report"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("### perceptual-bench report\n\n```text\n")
    assert out.endswith("\n```\n")
    assert out.count("```") == 2
    assert all(f"\n{title}:\n" in out for title in TITLES)
    assert "could not be found out" not in out


def test_versions_of_the_suite_and_of_every_dependency_are_told() -> None:
    text = report()
    assert f"suite: perceptual-bench {version('perceptual-bench')}, commit " in text
    for name in direct(metadata.requires("perceptual-bench") or ["torch"]):
        assert f"\n  {name} {version(name)}\n" in text or name in text.partition("not installed: ")[2]
    assert f"Python {platform.python_version()}" in text


def test_names_folders_addresses_and_tokens_of_this_user_are_not_in_it(person: Path) -> None:
    reasons = (
        f"cannot open '{person}/photos/a.png'",
        f"403 for https://zaphod:pw@example.org/x?key={TOKEN}, host betelgeuse, token={TOKEN}",
        "worker on betelgeuse.example.org (10.1.2.3:6379) died; ask zaphod@example.org",
    )
    text = report(db=store_of(person, *reasons))
    secrets = ("zaphod", "Zaphod", "betelgeuse", "heart-of-gold", TOKEN, "example.org", "10.1.2.3", "pw@")
    assert not [secret for secret in (*secrets, "Clients", "net.pth", "secret") if secret in text]
    assert "cannot open <path>" in text
    assert "HTTPS_PROXY is set\n" in text
    assert "PERCEPTUAL_BENCH_DATA is set (a folder)" in text
    assert "HUB_TOKEN" not in text


def test_the_reports_own_text_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    text = report(db=store_of(tmp_path, f"cannot open '{tmp_path}/a.png'"))
    assert not re.search(r"(?<![\w<])/[a-z]", text)
    for secret in (str(Path.cwd()), str(Path.home()), platform.node()):
        assert len(secret) < 2 or secret not in text


def test_last_runs_and_failures_are_told_newest_first_and_no_more_than_ten(tmp_path: Path) -> None:
    text = report(db=store_of(tmp_path, *[f"reason {n}" for n in range(15)]))
    runs = text.partition("last runs:\n")[2]
    assert "not finished, 0.1.0 at 0000000: sr_quality" in runs
    failures = text.partition("last failures:\n")[2]
    assert failures.splitlines()[0] == "  run 1, photos x4 i14 bicubic: reason 14"
    assert failures.count("reason") == 10


def test_no_failure_is_said_too(tmp_path: Path) -> None:
    assert "last failures:\n  none\n" in report(db=store_of(tmp_path))


def test_a_results_file_that_cannot_be_read_does_not_stop_the_report(tmp_path: Path) -> None:
    (tmp_path / "results.db").write_bytes(b"not a database" * 100)
    text = report(db=tmp_path / "results.db")
    assert "last failures:\n  could not be found out (StoreError: " in text
    assert "last runs:\n  could not be found out (StoreError: " in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize("probe", [p for p in TITLES if p != "GPU"])
def test_an_error_in_any_probe_costs_that_part_alone(probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = dict(
        zip(
            TITLES,
            ("machine", "graphics", "packages", "room", "data_files", "weights", "variables"),
            strict=True,
        )
    )

    def broken(**_: bool) -> list[str]:
        raise OSError(f"libcuda.so in {Path.home()}/lib is\nbroken")

    monkeypatch.setattr(doctor_report, names[probe], broken)
    text = report()
    assert text.count("could not be found out") == 1
    assert f"\n{probe}:\n  could not be found out (OSError: libcuda.so in <path> is broken)" in text
    assert all(f"\n{title}:\n" in text for title in TITLES)


def test_a_torch_that_cannot_be_imported_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    lines = list(part("GPU", doctor_report.graphics))
    assert lines[0] == "GPU:"
    assert lines[1].startswith("  could not be found out (ModuleNotFoundError: import of torch halted")
    assert f"  torch {version('torch')}" in list(part("packages", doctor_report.packages))


def test_files_are_counted_by_state(person: Path) -> None:
    set5 = next(group for group in inventory.inventory(verify=False) if group.name == "set5")
    file = person / "cache" / set5.files[0].name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"short")
    assert "\n  set5: 4 missing, 1 damaged\n" in report()


def test_weights_of_the_package_that_are_gone_or_cut_short_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = doctor_report.shipped_names()
    assert list(doctor_report.weights()) == [f"{len(names)} present"]
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(shipped.path(names[0]).read_bytes()[:-1])
    real = shipped.path
    monkeypatch.setattr(shipped, "path", lambda name: cut if name == names[0] else real(name))
    assert list(doctor_report.weights()) == [f"{len(names) - 1} present, 1 damaged", f"{names[0]}: damaged"]
    cut.unlink()
    monkeypatch.setattr(shipped, "path", lambda name: real(name) if name != names[0] else real("shipped/no"))
    assert f"{names[0]}: missing" in list(doctor_report.weights())


def test_text_with_a_fence_in_it_does_not_end_the_block() -> None:
    assert fenced("a\n```\nb\n````\nc").splitlines()[0] == "`````text"
    assert fenced("a\n```\nb\n````\nc").splitlines()[-1] == "`````"


def test_terminal_codes_of_a_message_are_not_printed() -> None:
    assert list(part("x", lambda: ["a\x1b[31mb\nc"])) == ["x:", "  a [31mb c"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot open '/mnt/My Clients/a b.png': denied", "cannot open <path>: denied"),
        ('cannot open "C:\\\\Users\\\\Zoe\\\\a.png"', "cannot open <path>"),
        ("C:\\Users\\Zoe\\a.png is gone", "<path> is gone"),
        ("photos/x.png has 3 channels; must be 1", "<path> has 3 channels; must be 1"),
        ("~/x.png", "<path>"),
        ("--db=runs/x.db", "--db=<path>"),
        ("https://u:p@host/x?k=v is down", "<address> is down"),
        ("s3://bucket/key", "<address>"),
        ("from 192.168.0.7:80", "from <address>"),
        ("torch 2.15.0 and driver 580.65.06", "torch 2.15.0 and driver 580.65.06"),
        ("password: hunter2, HF_TOKEN=abc", "password: <token> HF_TOKEN=<token>"),
        ("Authorization: Bearer abc.def", "Authorization: <token>"),
        (f"key {TOKEN}", "key <token>"),
        ("a.b+c@mail.example.org wrote", "<e-mail> wrote"),
        ("PSNR is 28.43 dB for x4, n = 999", "PSNR is 28.43 dB for x4, n = 999"),
        (
            "feature-vgg19-relu2_2 of feature_extractor_module_x",
            "feature-vgg19-relu2_2 of feature_extractor_module_x",
        ),
    ],
)
def test_free_text_is_masked_word_by_word(text: str, expected: str) -> None:
    assert masked_free_text(text) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_home_folder_is_masked_wherever_it_stands(person: Path, before: str, after: str) -> None:
    for text in (f"{before}{person}{after}", f"{before}{person}{os.sep}x{after}"):
        assert str(person) not in masked(text)
        assert str(person) not in masked_free_text(text)


def test_a_user_name_is_masked_as_a_word_alone(person: Path) -> None:
    assert masked("ZAPHOD, of zaphodia, on betelgeuse") == "<user>, of zaphodia, on <host>"


def test_requirements_are_told_by_name() -> None:
    given = ["torch>=2.11", 'ray>=2.40; extra == "cluster"', "scikit-image (>=0.24)"]
    assert list(direct(given)) == ["torch", "ray", "scikit-image"]


@pytest.mark.parametrize(
    "arguments", [["--db", "x.db"], ["--report", "--fetch"], ["--report", "--json", "x"]]
)
def test_options_that_do_not_go_together_are_bad_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
