"""Tables name what they need as text, `module:attribute`, so that listing them loads nothing."""

from __future__ import annotations

import importlib
from typing import Any


def resolve(target: str) -> Any:
    """What `module:attribute` names; the module is imported.

    Raises:
        ImportError: there is no such module, or a package that it needs is missing.
        AttributeError: the module has no such attribute.
    """
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
