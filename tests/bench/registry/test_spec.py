"""What is written on a command line is read as it stands, or refused with what is required."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.registry.external import resolve_external
from bench.registry.spec import beside, looks_outside, parse


def made(folder: Path, name: str) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    return str(folder / name)


@pytest.mark.parametrize(
    ("name", "kind", "called"),
    [
        ("net.pth", "checkpoint", "net"),
        ("NET.SAFETENSORS", "checkpoint", "NET"),
        ("a b\nc.onnx", "onnx", "a_b_c"),
        ("größe.onnx", "onnx", "größe"),
        ("..onnx", "onnx", "model"),
        ("x,scale=2.onnx", "onnx", "x_scale_2"),
    ],
)
def test_a_file_is_known_by_its_suffix_and_called_like_it(
    tmp_path: Path, name: str, kind: str, called: str
) -> None:
    spec = parse(made(tmp_path, name))
    assert (spec.kind, spec.name) == (kind, called)


def test_options_are_read_from_the_right(tmp_path: Path) -> None:
    spec = parse(made(tmp_path, "a,b=c.onnx") + ",scale=4,range=255,name=mine")
    assert spec.source.endswith("a,b=c.onnx")
    assert dict(spec.options) == {"scale": 4, "range": "255", "name": "mine"}
    assert spec.name == "mine"


def test_a_callable_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    assert parse("some/net.py:make,scale=2").attribute == "make"
    assert parse("package.module:make").source == "package.module"
    assert parse(str(tmp_path)).kind == "folder"
    with_data_set = parse(str(tmp_path / "out" / "{dataset}" / "x{scale}"))
    assert (with_data_set.kind, with_data_set.name) == ("folder", "x")
    assert parse(str(tmp_path / "esrgan" / "{dataset}")).name == "esrgan"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (",scale=two", "scale='two'; must be a whole number of at least 1"),
        (",range=2", "range='2'; must be 1 .0..1. or 255"),
        (",name=../x", r"name='../x'; must be letters, digits"),
        (",name=.x", "name='.x'; must be letters"),
        (",colour=red", "colour=red; must be one of those of a onnx: name, scale, range"),
        (",scale=2,scale=4", "scale twice; must be once"),
    ],
)
def test_a_wrong_option_is_refused_with_what_is_required(tmp_path: Path, options: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse(made(tmp_path, "net.onnx") + options)


def test_what_is_nothing_is_refused_with_what_there_could_be(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"there is no file or folder 'no/net.pth'; must be the name of a model"
    ):
        parse("no/net.pth")
    with pytest.raises(UserError, match="is of no kind that can be run; must be a checkpoint"):
        parse(made(tmp_path, "notes.txt"))
    with pytest.raises(UserError, match=r"for a callable in it: .*net.py:NAME"):
        parse(made(tmp_path, "net.py"))
    with pytest.raises(
        UserError,
        match=r"no model is called 'bicubc' .did you mean 'bicubic'\?.; there are: bicubic; or a path",
    ):
        resolve_external("bicubc", lambda: "bicubic")
    assert not looks_outside("x" * 5000)


def test_a_name_that_a_table_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"would be called 'bicubic', which is taken; use another: .*,name=NAME"
    ):
        resolve_external(made(tmp_path, "bicubic.onnx"), str)


@pytest.mark.parametrize("options", ["", ",name=mine", ",range=1,name=mine"])
@pytest.mark.parametrize("there", ["net.pth", "a,b=c.pth", "sub/net.py:make"])
def test_a_path_in_a_file_is_relative_to_its_folder(tmp_path: Path, there: str, options: str) -> None:
    made(tmp_path, there.partition(":")[0])
    assert beside(tmp_path / "claims.toml", there + options) == f"{tmp_path / there}{options}"


def test_a_variable_in_a_file_of_models_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path, "elsewhere/net.pth")
    monkeypatch.setenv("CHECKOUT", str(tmp_path / "elsewhere"))
    assert beside(tmp_path / "board.toml", "$CHECKOUT/net.pth,name=net") == f"{path},name=net"


@pytest.mark.parametrize(
    "text", ["bicubic", "package.module:make,range=1", "none/{dataset}", "$UNKNOWN/net.pth"]
)
def test_what_is_not_there_stays_as_it_is(tmp_path: Path, text: str) -> None:
    assert beside(tmp_path / "claims.toml", text) == text
