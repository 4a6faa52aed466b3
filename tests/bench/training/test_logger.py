"""The log of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.training.logger import RunLogger, keep_until


def test_a_resumed_log_forgets_later_lines_and_half_a_line(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"step": 2}\n{"step": 4}\n{"step": 6}\n{"st')
    keep_until(file, 4)
    assert file.read_text() == '{"step": 2}\n{"step": 4}\n'


def test_curves_and_pictures_go_to_tensorboard(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logger = RunLogger(tmp_path, step=0, tensorboard=True)
    logger.write("train", 3, {"loss": 0.5})
    logger.image("00", 3, torch.rand(1, 3, 4, 4))
    logger.close()
    events = reader.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(3, 0.5)]
    assert events.Tags()["images"] == ["samples/00"]
