"""What is measured and how: programs at the top, their machinery in packages."""

import sys

# argv[0] is "-m" only while Python still looks for the module: an ordinary `import bench` changes no signal.
if sys.argv[:1] == ["-m"] and any(name.split(".")[0] in {"bench", "reports"} for name in sys.orig_argv):
    # `python -m bench.PROGRAM`: its first line, from which on Ctrl-C is answered with a message. Nothing is imported
    # before that but what Python has loaded already.
    import _signal  # type: ignore[import-not-found]
    import os

    # Whoever started us may have SIGINT ignored (a job in the background): it stays ignored.
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        # Until the next lines have loaded what answers in full.
        _signal.signal(_signal.SIGINT, lambda *_: (os.write(2, b"error: interrupted\n"), os._exit(130)))
    from bench import interrupts

    interrupts.install()

import importlib.util
from pathlib import Path

SIBLINGS = ("models", "baselines", "reports")


# Our other packages are loaded from beside this one where the working folder has some called alike: Python looks into that
# folder first, and many repositories have a `models` of their own.
for _name in SIBLINGS:
    _file = Path(__file__).absolute().parents[1] / _name / "__init__.py"
    if _name in sys.modules or not _file.is_file():
        continue
    _spec = importlib.util.spec_from_file_location(
        _name, _file, submodule_search_locations=[str(_file.parent)]
    )
    if _spec is not None and _spec.loader is not None:
        # Registered before it is executed, as importlib's own import does: what it imports may import it.
        _module = sys.modules[_name] = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(_module)
