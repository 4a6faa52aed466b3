"""What a run says of itself as it goes: lines of JSON always, TensorBoard where it is installed, sample images."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from bench.atomic import atomic_write
from bench.data import images

LOG = "log.jsonl"


class RunLogger:
    """The log of one run. A resumed run forgets the lines that came after its checkpoint."""

    def __init__(self, folder: Path, *, step: int, tensorboard: bool) -> None:
        self.folder = folder
        self.file = folder / LOG
        keep_until(self.file, step)
        self.writer = summary_writer(folder, step) if tensorboard else None

    def write(self, kind: str, step: int, values: dict[str, float]) -> None:
        """One line, `kind` being train or validation, and a curve for each value."""
        line = json.dumps({"kind": kind, "step": step, **values}, allow_nan=True)
        with self.file.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(f"{line}\n")
        if self.writer:
            for name, value in values.items():
                self.writer.add_scalar(f"{kind}/{name}", value, step)

    def image(self, name: str, step: int, image: Float[Tensor, "1 3 h w"]) -> None:
        """One sample, as PNG and in TensorBoard; the name is the image's, the last one stays."""
        pixels = images.to_array(image)
        images.write(self.folder / "samples" / f"{name}.png", pixels)
        if self.writer:
            self.writer.add_image(f"samples/{name}", pixels, step, dataformats="HWC")

    def close(self) -> None:
        """End the curves; lines of JSON are complete after each write."""
        if self.writer:
            self.writer.close()


def keep_until(file: Path, step: int) -> None:
    """Drop the lines of later steps, and a last line that was cut off when the run was killed."""
    if not file.exists():
        return
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    with atomic_write(file) as part:
        part.write_text("".join(kept), encoding="utf-8", newline="\n")


def tensorboard_installed() -> bool:
    """Without importing it."""
    return importlib.util.find_spec("tensorboard") is not None


def summary_writer(folder: Path, step: int) -> Any:
    """TensorBoard's, which drops what it was told after `step`."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
