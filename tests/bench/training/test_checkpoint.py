"""Checkpoints that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.errors import UserError
from bench.training import checkpoint


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"nothing", "cannot be read"), ({"format": 0}, "has format 0, must be 1: another version wrote it")],
)
def test_a_checkpoint_that_cannot_be_used_is_refused(tmp_path: Path, content: object, message: str) -> None:
    file = tmp_path / checkpoint.NAME
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    with pytest.raises(UserError, match=message):
        checkpoint.read(tmp_path)
    with pytest.raises(UserError, match="holds no checkpoint"):
        checkpoint.read(tmp_path / "elsewhere")
