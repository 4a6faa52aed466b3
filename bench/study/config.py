"""The options of `bench.preference`, checked. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import UserError

LONGEST_CODE = 64  # characters
LONGEST_TEXT = 20_000  # bytes


@dataclass(frozen=True, kw_only=True)
class PageTexts:
    """What the page shows beside its own text; empty for nothing. A blank line ends a paragraph."""

    instructions: str = ""
    consent: str = ""
    completion_code: str = ""


def _text(option: str, file: Path | None) -> str:
    if file is None:
        return ""
    try:
        content = file.read_bytes()
        # utf-8-sig: editors on Windows begin a file with a byte order mark.
        text = content.decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UserError(f"{option} {str(file)!r}: {reason}; must be a text file") from error
    if not 0 < len(content) <= LONGEST_TEXT or not text:
        raise UserError(
            f"{option} {str(file)!r} has {len(content)} bytes; must be text of 1 to {LONGEST_TEXT} bytes"
        )
    return text


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """Of `build`; each field is the option of its name."""

    models: tuple[str, ...]
    dataset: str
    out: Path
    scale: int
    protocol: str
    db: tuple[Path, ...]
    limit: int | None
    attention_checks: int | None
    seed: int
    instructions: Path | None
    consent: Path | None
    completion_code: str | None
    force: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> BuildConfig:
        """The command line, parsed."""
        return cls(**{**options, "models": tuple(options["models"]), "db": tuple(options["db"])})

    def __post_init__(self) -> None:
        _check_seed(self.seed)
        code = self.completion_code
        if code is not None and not (0 < len(code) <= LONGEST_CODE and code.isprintable() and code.strip()):
            raise UserError(
                f"--completion-code must be 1 to {LONGEST_CODE} printable characters (got {code!r:.100})"
            )

    @property
    def texts(self) -> PageTexts:
        """The texts of one's own that the page shows.

        Raises:
            UserError: a file is not readable text, or too long.
        """
        return PageTexts(
            instructions=_text("--instructions", self.instructions),
            consent=_text("--consent", self.consent),
            completion_code=self.completion_code or "",
        )


@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """Of `score`; each field is the option of its name.

    Attributes:
        answers: files, none twice.
    """

    answers: tuple[Path, ...]
    key: Path
    json: Path | None
    min_attention_accuracy: float
    seed: int

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ScoreConfig:
        """The command line, parsed."""
        return cls(**{**options, "answers": tuple(dict.fromkeys(options["answers"]))})

    def __post_init__(self) -> None:
        _check_seed(self.seed)
        if not 0 <= self.min_attention_accuracy <= 1:
            raise UserError(f"--min-attention-accuracy must be 0 to 1 (got {self.min_attention_accuracy:g})")


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise UserError(f"--seed must be at least 0 (got {seed})")
