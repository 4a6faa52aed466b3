"""What is measured and how: programs at the top, their machinery in packages."""

import importlib.util
import sys
from pathlib import Path

SIBLINGS = ("models", "baselines", "reports")


def _ours() -> None:
    """Have our other packages stand for themselves where the working folder has some called alike.

    Python looks into that folder first, and many repositories have a `models` of their own.
    """
    for name in SIBLINGS:
        file = Path(__file__).absolute().parents[1] / name / "__init__.py"
        if name in sys.modules or not file.is_file():
            continue
        described = importlib.util.spec_from_file_location(
            name, file, submodule_search_locations=[str(file.parent)]
        )
        if described is not None and described.loader is not None:
            module = sys.modules[name] = importlib.util.module_from_spec(described)
            described.loader.exec_module(module)


_ours()
