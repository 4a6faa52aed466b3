"""What is measured and how: programs at the top, their machinery in packages."""

import sys

if sys.argv[:1] == ["-m"] and any(name.split(".")[0] in {"bench", "reports"} for name in sys.orig_argv):
    # `python -m bench.PROGRAM`: its first line, from which on Ctrl-C is answered with a message. Nothing is imported
    # before that but what Python has loaded already.
    import _signal  # type: ignore[import-not-found]
    import os

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, lambda *_: (os.write(2, b"error: interrupted\n"), os._exit(130)))
        from bench import interrupts

        interrupts.install()

import importlib.util
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
