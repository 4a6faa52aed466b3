"""The simple API of an index as HTML and JSON, local links, credentials, and pip where we cannot read the index."""

from __future__ import annotations

import base64
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bench.data import download
from bench.data.download import DownloadError, public, redacted
from bench.data.trunks import index
from bench.data.trunks.index import links, sdist_file

from .conftest import IsolatedModules

SECRET = "s3cr3t/%40"  # as typed: with what an address must escape
USER = "bob:s3cr3t%2F%2540"


@pytest.mark.parametrize("style", ["html", "json"])
def test_a_page_of_either_kind_gives_the_file(world: IsolatedModules, tmp_path: Path, style: str) -> None:
    world.list_html() if style == "html" else world.list_json()
    assert sdist_file(world.pin, tmp_path / "part").read_bytes() == world.sdist


def test_a_file_without_a_hash_or_under_its_normalised_name_is_taken_and_checked(
    world: IsolatedModules, tmp_path: Path
) -> None:
    world.list_html(sha256="", name="tiny-jax-0.1.0.tar.gz")
    assert sdist_file(world.pin, tmp_path / "part").read_bytes() == world.sdist


@pytest.mark.parametrize("style", ["html", "json"])
def test_another_file_under_the_name_is_refused_before_it_is_downloaded(
    world: IsolatedModules, tmp_path: Path, style: str
) -> None:
    world.list_html(sha256="0" * 64) if style == "html" else world.list_json(hashes={"sha256": "0" * 64})
    with pytest.raises(
        DownloadError, match=rf"its {world.pin.file} must have sha256 \w{{64}} \(got 0{{64}}\)"
    ):
        sdist_file(world.pin, tmp_path / "part")
    assert world.server.hits == ["/simple/tiny-jax/"]


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"<!doctype html><title>Sign in</title>", "text/html", "none of 1 configured indexes has tiny_jax"),
        (b"{}", "application/vnd.pypi.simple.v1+json", "no simple index"),
        (b'{"files": [7]}', "application/vnd.pypi.simple.v1+json", "no simple index"),
        (b"[" * 100_000, "application/vnd.pypi.simple.v1+json", "no simple index"),
        (b"\x00\xff", "application/octet-stream", "none of 1"),
        (b'<a href="http://[::1/x">tiny_jax-0.1.0.tar.gz</a>', "text/html", "an address that is none"),
        (b'<a href="ftp://h/x">tiny_jax-0.1.0.tar.gz</a>', "text/html", "begins with ftp:"),
        (b'<a href="file:///etc/passwd">tiny_jax-0.1.0.tar.gz</a>', "text/html", "a file of this machine"),
        (bytes(2000), "text/html", "the page has more than 1000 bytes"),
    ],
)
def test_a_page_that_is_something_else_is_named(
    world: IsolatedModules,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    kind: str,
    message: str,
) -> None:
    monkeypatch.setattr(index, "MOST_PAGE_BYTES", 1000 if len(content) == 2000 else 10_000_000)
    world.server.give("/simple/tiny-jax/", content, kind=kind)
    with pytest.raises(DownloadError, match=message):
        sdist_file(world.pin, tmp_path / "part")


def test_relative_addresses_and_a_base_are_resolved() -> None:
    page = b'<base href="/b/"><a href="c.tar.gz#sha256=00"> c.tar.gz </a><a>none</a><a href="http://o/d%20e.zip?x=1"></a>'
    found = list(links(page, "text/html", "http://h/a/index.html"))
    assert [(link.file, link.address, link.sha256) for link in found] == [
        ("c.tar.gz", "http://h/b/c.tar.gz", "00"),
        ("d e.zip", "http://o/d%20e.zip?x=1", ""),
    ]


def test_a_second_index_is_asked_where_the_first_does_not_have_it(
    world: IsolatedModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.list_html()
    world.configured(monkeypatch, f"{world.server.address}/first", world.index)
    assert sdist_file(world.pin, tmp_path / "part").read_bytes() == world.sdist


def test_local_folders_are_indexes_and_links(
    world: IsolatedModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mirror/tiny-jax"
    folder.mkdir(parents=True)
    (tmp_path / "it.tar.gz").write_bytes(world.sdist)
    (folder / "index.html").write_text('<a href="../../it.tar.gz">tiny_jax-0.1.0.tar.gz</a>')
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "tiny-jax-0.1.0.tar.gz").write_bytes(world.sdist)
    for indexes, places in (
        ([(tmp_path / "mirror").as_uri()], []),
        ([str(tmp_path / "mirror")], []),
        ([], [str(wheels)]),
        ([], [wheels.as_uri()]),
        ([], [str(folder / "index.html")]),
        ([], [str(tmp_path / "nowhere"), str(wheels / "tiny-jax-0.1.0.tar.gz")]),
    ):
        world.configured(monkeypatch, *indexes, links=places)
        assert sdist_file(world.pin, tmp_path / "part").read_bytes() == world.sdist
    assert world.server.hits == []


def wants_credentials(
    answer: Callable[[BaseHTTPRequestHandler], None],
) -> Callable[[BaseHTTPRequestHandler], None]:
    right = "Basic " + base64.b64encode(f"bob:{SECRET}".encode()).decode()

    def guarded(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Authorization") == right:
            answer(request)
        else:
            request.send_error(401)

    return guarded


def closed(world: IsolatedModules) -> None:
    """The index and its files are for bob alone."""
    world.list_html()
    world.server.answers = {path: wants_credentials(answer) for path, answer in world.server.answers.items()}


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment without pip."""
    monkeypatch.setattr(index, "has_pip", lambda: False)


def test_credentials_in_the_address_are_used_for_page_and_file(
    world: IsolatedModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(world)
    world.configured(monkeypatch, world.index.replace("//", f"//{USER}@"))
    assert sdist_file(world.pin, tmp_path / "part").read_bytes() == world.sdist


def test_credentials_in_netrc_are_used(
    world: IsolatedModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(world)
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login bob password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert sdist_file(world.pin, tmp_path / "part").read_bytes() == world.sdist


@pytest.mark.usefixtures("no_pip")
def test_credentials_are_named_as_lacking_and_wrong_ones_never_printed(
    world: IsolatedModules,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    closed(world)
    host = world.server.address.removeprefix("http://")
    for address in (
        world.index,
        world.index.replace("//", "//bob:hunter2@"),
        world.index.replace("//", "//hunter2@"),
        "http://bob:hunter2@127.0.0.1:9/simple?token=hunter2",
        "http://bob:hunter2@127.0.0.1:notaport/simple",
        "http://bob:hunter2@[::1/simple",
        "http://bob:hunter2@/simple",
        "ftp://bob:hunter2@127.0.0.1/simple",
    ):
        world.configured(monkeypatch, address)
        with pytest.raises(DownloadError) as caught:
            sdist_file(world.pin, tmp_path / "part")
        message = str(caught.value)
        assert host not in address or f"{host} wants credentials (HTTP status 401)" in message
        printed = message + "".join(capsys.readouterr())
        assert "hunter2" not in printed, printed


def test_credentials_go_to_the_index_host_alone(
    world: IsolatedModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    elsewhere = world.server.address.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    page = f'<a href="{elsewhere}/files/tiny_jax-0.1.0.tar.gz">{world.pin.file}</a>'
    world.server.give("/simple/tiny-jax/", page.encode(), kind="text/html")

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        request.send_error(404)

    world.server.answers["/files/tiny_jax-0.1.0.tar.gz"] = answer
    world.configured(monkeypatch, world.index.replace("//", f"//{USER}@"))
    with pytest.raises(DownloadError, match="404"):
        sdist_file(world.pin, tmp_path / "part")
    assert seen == [None]


def test_what_others_write_is_printed_without_credentials_and_queries() -> None:
    assert public("https://a:b@h:1/p?q#f") == "https://h:1/p"
    assert public("http://[::1/x") == "an address that is none"
    text = "for url: https://a:b@h/p?sig=x and 'http://tok@h?y=1' end? yes"
    assert redacted(text) == "for url: https://****@h/p?**** and 'http://****@h?****' end? yes"


def test_pip_gets_the_file_where_we_are_refused_and_runs_nothing_of_it(
    world: IsolatedModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.list_html()
    whole = dict(world.server.answers)
    # what pip has and we have not: here, another address of the index
    world.server.answers = {
        **whole,
        "/ours/tiny-jax/": lambda request: request.send_error(403),
        "/simple/tiny-jax/": whole["/simple/tiny-jax/"],
    }
    world.configured(monkeypatch, f"{world.server.address}/ours")
    monkeypatch.setenv("PIP_INDEX_URL", world.index)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    part = tmp_path / "cache" / "part"
    part.parent.mkdir()
    assert sdist_file(world.pin, part).read_bytes() == world.sdist
    assert [path.name for path in part.parent.iterdir()] == ["part"]
    assert not (tmp_path / "executed").exists()


def test_pip_refuses_another_file_by_its_hash(
    world: IsolatedModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.list_html()
    world.server.give("/files/tiny_jax-0.1.0.tar.gz", world.sdist[:-1] + b"?")
    world.configured(monkeypatch, f"{world.server.address}/ours")
    world.server.answers["/ours/tiny-jax/"] = lambda request: request.send_error(401)
    monkeypatch.setenv("PIP_INDEX_URL", world.index.replace("//", "//bob:hunter2@"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(DownloadError, match=r"wants credentials .*; pip download: ") as caught:
        sdist_file(world.pin, tmp_path / "part")
    assert "hunter2" not in str(caught.value)
    assert not (tmp_path / "executed").exists()
    assert not (tmp_path / "part").exists()


@pytest.mark.usefixtures("no_pip")
def test_without_pip_and_without_an_index_the_message_says_so(
    world: IsolatedModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.configured(monkeypatch)
    with pytest.raises(
        DownloadError, match=r"none of 0 configured indexes has .*, and this Python has no pip"
    ):
        sdist_file(world.pin, tmp_path / "part")


def test_a_host_that_is_gone_is_asked_once(
    world: IsolatedModules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.configured(monkeypatch, "http://127.0.0.1:9/simple")
    for again in ("", r" \(not tried again\)"):
        with pytest.raises(
            DownloadError, match=rf"^http://127\.0\.0\.1:9/simple: no connection to .*refused\){again}$"
        ):
            sdist_file(world.pin, tmp_path / "part")
    assert list(download._unreachable) == ["127.0.0.1:9"]
