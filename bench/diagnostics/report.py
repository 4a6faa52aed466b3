"""What a user pastes into an issue: the machine, the versions, the files; nothing that says who they are."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.data import cache, shipped
from bench.devices import devices, driver_version, find_device, gpu_facts
from bench.diagnostics.inventory import inventory
from bench.diagnostics.mask import masked, masked_free_text
from bench.diagnostics.names import name_clashes
from bench.diagnostics.tables import machine_rows, short
from bench.environment import DISTRIBUTION, PACKAGES, environment, gibibytes, version
from bench.registry.stylizers import STYLIZERS
from bench.registry.upscalers import UPSCALERS
from bench.storage.store import Store

HEADING = "### perceptual-bench report"
LAST = 10
DIRECT = re.compile(r"[A-Za-z0-9][\w.-]*")
# What changes a result or a failure. Only these are looked at; of all others not even the names are told.
SHOWN = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OMP_PROC_BIND",
    "KMP_AFFINITY",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_LAUNCH_BLOCKING",
    "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_ENABLE_MPS_FALLBACK",
    "WORLD_SIZE",
    "LANG",
    "LC_ALL",
    "PYTHONWARNINGS",
    "PYTHONOPTIMIZE",
    "PYTHONHASHSEED",
    "PYTHONUTF8",
)
# These name folders or hosts: whether they are set is what matters.
SET_OR_NOT = (
    "PERCEPTUAL_BENCH_DATA",
    "XDG_CACHE_HOME",
    "TORCH_HOME",
    "TMPDIR",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "RAY_ADDRESS",
    "SLURM_JOB_ID",
)
FOLDERS = ("PERCEPTUAL_BENCH_DATA", "XDG_CACHE_HOME", "TORCH_HOME", "TMPDIR")
Lines = Iterable[str]


def report(*, db: Path | None = None, verify: bool = False) -> str:
    """Markdown: a heading and one fenced block, self-contained; a part that cannot be found out says why.

    Args:
        db: a results file, whose last runs and failures are told.
        verify: hash the data files instead of looking at their sizes.
    """
    parts: list[tuple[str, Callable[[], Lines]]] = [
        ("suite and machine", machine),
        ("GPU", graphics),
        ("packages", packages),
        ("packages called like ours", name_clashes),
        ("memory and disk", room),
        ("data files", lambda: data_files(verify=verify)),
        ("weights of the package", weights),
        ("environment variables", variables),
    ]
    if db is not None:
        parts += [("last runs", lambda: last_runs(db)), ("last failures", lambda: last_failures(db))]
    text = "\n\n".join("\n".join(part(title, probe)) for title, probe in parts)
    return f"{HEADING}\n\n{fenced(masked(text))}"


def part(title: str, probe: Callable[[], Lines]) -> Iterator[str]:
    """A title and what the probe found, or why it found nothing: a broken machine is what reports are about."""
    yield f"{title}:"
    try:
        found = list(probe())
    except Exception as error:
        found = [masked_free_text(f"could not be found out ({type(error).__name__}: {error})")]
    for line in found or ["none"]:
        yield f"  {one_line(line)}"


def one_line(text: str) -> str:
    """Without line ends and control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def fenced(text: str) -> str:
    """As a block of code, whatever runs of backticks the text holds."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def machine() -> Lines:
    """As `bench.doctor` shows it, without the packages, which stand below."""
    found = environment(devices()[-1])
    yield f"environment {found.hash[:8]}"
    # "": of packages that are not installed.
    rows = [row for row in machine_rows(found) if row[0] not in {"packages", ""}]
    yield from (f"{name}: {value}" for name, value in rows)
    cpu = found.facts["cpu"]
    yield f"CPU: {', '.join(cpu['capabilities']) or 'no capabilities known'}; quota {cpu['core_quota']}"


def graphics() -> Lines:
    """Every device that torch can use, the driver, and what torch was built for."""
    import torch

    yield f"torch was built for CUDA {torch.version.cuda or 'no'}, available: {torch.cuda.is_available()}"
    yield f"driver: {driver_version()}"
    for name in devices()[1:]:
        facts = gpu_facts(find_device(name)) or {}
        yield f"{name}: " + ", ".join(f"{key} {value}" for key, value in facts.items() if key != "driver")


def packages() -> Lines:
    """Every dependency, those of the extras too, with its version."""
    names = dict.fromkeys(["torch", *PACKAGES, *direct(metadata.requires(DISTRIBUTION) or [])])
    found = {name: version(name) for name in names}
    yield from (f"{name} {number}" for name, number in found.items() if number)
    absent = [name for name, number in found.items() if not number]
    if absent:
        yield f"not installed: {', '.join(absent)}"


def direct(requirements: Iterable[str]) -> Iterator[str]:
    """Names of requirements such as `torch>=2.11` and `ray>=2.40; extra == "cluster"`."""
    for requirement in requirements:
        found = DIRECT.match(requirement)
        if found:
            yield found[0]


def room() -> Lines:
    """What is free: of memory, of the disk here, and of the one with the data files."""
    import psutil

    memory = psutil.virtual_memory()
    yield f"memory: {gibibytes(memory.available)} of {gibibytes(memory.total)} available"
    folder = cache.folder()
    nearest = next((path for path in (folder, *folder.parents) if path.is_dir()), Path())
    for what, where in (("this folder", Path()), ("the data folder", nearest)):
        usage = shutil.disk_usage(where)
        yield f"disk of {what}: {gibibytes(usage.free)} of {gibibytes(usage.total)} free"


def data_files(*, verify: bool) -> Lines:
    """Per group how many files there are in each state."""
    yield "checked by sha256" if verify else "checked by size"
    for group in inventory(verify=verify):
        states = Counter(file.state for file in group.files)
        counts = ", ".join(f"{states[s]} {s}" for s in ("present", "missing", "damaged") if states[s])
        yield f"{group.name}: {counts or 'no files'}"


def weights() -> Lines:
    """Of the networks that come with the package, how many are whole; a name and its hash for each that is not."""
    found = {name: weight_state(name) for name in shipped_names()}
    states = Counter(found.values())
    yield ", ".join(f"{count} {state}" for state, count in sorted(states.items(), reverse=True))
    yield from (f"{name}: {state}" for name, state in found.items() if state != "present")


def weight_state(name: str) -> str:
    """`present`, `missing`, or `damaged` where the file is not as long as its own header says, or has none."""
    from safetensors import SafetensorError, safe_open

    try:
        # numpy: a torch that cannot be imported must not stop the report.
        with safe_open(shipped.path(name), framework="numpy"):
            return "present"
    except FileNotFoundError:
        return "missing"
    except (OSError, SafetensorError):
        return "damaged"


def shipped_names() -> list[str]:
    """Of every file of weights in the tables of models that is looked for in the package."""
    names = {name for upscaler in UPSCALERS.values() for name in upscaler.weights.values()}
    names |= {stylizer.weights for stylizer in STYLIZERS.values() if stylizer.weights}
    return sorted(filter(shipped.is_shipped, names))


def variables() -> Lines:
    """Those of :data:`SHOWN` with their values, masked; of :data:`SET_OR_NOT` whether they are set."""
    for name in SHOWN:
        if name in os.environ:
            yield f"{name}={masked_free_text(os.environ[name])}"
    for name in SET_OR_NOT:
        if name in os.environ:
            value = os.environ[name]
            there = "a folder" if value and Path(value).expanduser().is_dir() else "not a folder"
            yield f"{name} is set{f' ({there})' if name in FOLDERS else ''}"


def last_runs(db: Path) -> Lines:
    """What was run last, with which version of the suite, and whether it came to its end; the newest first."""
    runs, machines = rows(db, "runs"), {row["hash"]: row["facts"] for row in rows(db, "environments")}
    for run in runs[: -LAST - 1 : -1]:  # backwards: the last ten
        suite = json.loads(machines[run["environment"]])["suite"]
        end = "finished" if run["finished"] else "not finished"
        command = masked_free_text(shlex.join(json.loads(run["command"])))
        yield f"{run['id']}, {run['started']}, {end}, {version_of(suite)}: {run['program']} {command}"


def version_of(suite: dict[str, str | None]) -> str:
    """A version and the beginning of the commit."""
    return f"{suite['version']} at {short(suite['commit'] or 'unknown commit')}"


def last_failures(db: Path) -> Lines:
    """What could not be scored, and why; the newest first."""
    for row in rows(db, "failures")[: -LAST - 1 : -1]:
        what = f"{row['dataset']} x{row['scale']} {row['image']} {row['model']}"
        yield masked_free_text(f"run {row['run']}, {what.strip()}: {row['reason']}")


def rows(db: Path, table: str) -> list[dict[str, Any]]:
    """All rows of a table of a results file, by the names of the columns."""
    with Store(db, read_only=True) as store:
        columns, found = store.table(table)
    return [dict(zip(columns, row, strict=True)) for row in found]
