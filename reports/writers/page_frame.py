"""What pages of the report share: templates, own style and script inside the page, and the policy that allows them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reports.writers.pdf_text import to_ascii

if TYPE_CHECKING:
    from jinja2 import Environment


def templates() -> Environment:
    """Those of the package: every text is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    known = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    compact: Mapping[str, Any] = {"separators": (",", ":"), "allow_nan": False}
    known.policies["json.dumps_kwargs"] = compact
    return known


def _seen(value: object) -> object:
    """A text with what cannot be seen, or turns the direction of what is, written out: as `<U+202E>`."""
    return to_ascii(value) if type(value) is str else value


def joined(known: Environment, names: tuple[str, ...]) -> str:
    """Our own files, put into the page as they are."""
    from markupsafe import Markup

    assert known.loader
    return Markup("").join(Markup(known.loader.get_source(known, name)[0]) for name in names)


def policy(style: str, script: str) -> str:
    """The content security policy: this very style and script run and nothing else, and nothing is fetched.

    `file:` is there because a page that was opened from a file has no origin that 'self' could mean.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "img-src 'self' file: data:",
            f"style-src '{_integrity(style)}'",
            f"script-src '{_integrity(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _integrity(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
