"""The programs as functions, for notebooks and training loops; the same code, so the same numbers to the last bit.

    >>> from bench import api
    >>> frame = api.evaluate("bicubic", "samples", scale=4, metrics=["psnr"])
    >>> len(frame)
    7

Import this module by its name: `import bench` loads nothing heavy, and `bench.explain` is a program, for one.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from bench import lr as degradation
from bench import metrics as metric_table
from bench.api_inputs import require_alike, require_image, require_name, require_names, require_scale
from bench.cli import Silent
from bench.cli import device as find_device
from bench.data import cache, images
from bench.devices import exact_float32
from bench.environment import environment
from bench.errors import RunError, UserError
from bench.explaining.conventions import Convention as PairConvention
from bench.explaining.conventions import distinct, psnr_conventions, ssim_conventions
from bench.explaining.scores import measure as measure_pair
from bench.explaining.scores import values
from bench.explaining.table import described
from bench.interfaces import CachedMetric, requirements
from bench.metrics import info
from bench.prepare import modcrop, prepare, to_luma
from bench.protocols import protocol as find_protocol
from bench.quality.config import Config, config
from bench.quality.engine import ResultWriter, results
from bench.quality.engine import evaluate as run
from bench.quality.loading import can_measure, load_metrics, plans
from bench.quality.plan import LoadedMetric, Model, Plan
from bench.quality.summary import Row
from bench.records import Run, content_hash
from bench.registry import catalog
from bench.registry.adapters.convention import Convention, probe, wrapped
from bench.registry.catalog import LoadedModel
from bench.storage.store import Store, now
from bench.timing.config import Config as TimingConfig
from bench.timing.rows import Row as Timed
from bench.timing.run import SpeedRun, network_rows

if TYPE_CHECKING:
    import pandas as pd

Images = str | Path | Sequence[UInt8[np.ndarray, "h w c"]]
Upscaling = str | nn.Module | Callable[[Tensor], Tensor]
COLUMNS = ("model", "dataset", "image", "scale", "protocol", "protocol_hash", "metric", "value")


def evaluate(
    model: Upscaling,
    dataset: Images,
    *,
    scale: int = 4,
    metrics: Sequence[str] = ("psnr", "ssim"),
    protocol: str = "johnson2016",
    device: str = "auto",
    name: str | None = None,
    db: str | Path | None = None,
) -> pd.DataFrame:
    """Score a super-resolution model on a data set, as `bench.sr_quality` does.

    Args:
        model: a registered name, a path as on the command line, an `nn.Module`, or any callable. A module or callable
            takes lr, float32 in [0, 1], `1 3 h w`, and returns sr, `1 3 scale*h scale*w`; small overshoot is clipped. A
            module runs in eval mode where it lies; its mode is put back, and its weights are not touched.
        dataset: a data set's name, a folder of images, or a sequence of uint8 arrays, `h w 3` (RGB), `h w 1` or `h w`.
        metrics: names of `bench.sr_quality --list`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; for a module `auto` is where its parameters are.
        name: what a module or callable is called in the table; its class or function by default.
        db: a results file that scores are taken from and put into. A callable that is no module has no content that
            could be hashed, so it takes none.

    Returns:
        A row for each image and metric: `model dataset image scale protocol protocol_hash metric value`. `attrs` has
        the protocol, the versions of the metrics and the machine.

    Raises:
        UserError: a name is unknown, an argument is not what it must be, or the model returns what is no image.
        MissingFile: weights are not to be had.

    >>> import torch.nn.functional as F
    >>> enlarge = lambda lr: F.interpolate(lr, scale_factor=4, mode="bicubic")
    >>> frame = evaluate(enlarge, "samples", scale=4, metrics=["psnr"], name="torch bicubic")
    >>> summary(frame).columns.tolist()
    ['samples x4 psnr']
    """
    exact_float32()
    require_scale(scale)
    require_names(metrics)
    require_name(name)
    with tempfile.TemporaryDirectory() as folder:
        request = config(
            datasets=[_folder(dataset, Path(folder) / "images")],
            models=[str(model)] if isinstance(model, str | Path) else [],
            scales=[scale],
            metrics=list(metrics),
            protocol=protocol,
            device=device,
        )
        with _in_eval_mode(model):
            where = _device(model, device)
            # everything is asked for by name: what cannot be had raises, and nothing is skipped
            (plan,) = plans(request, where, lambda line: None)
            if not isinstance(model, str | Path):
                # models=[] made a plan without a model: none of the table is loaded.
                plan = replace(plan, models=[_own_model(model, scale, name, where, db is not None)])
            with Store(Path(db) if db is not None else Path(folder) / "results.db") as store:
                return _frame(plan, _rows(plan, request, store), where)


def metric(
    name: str, *, scale: int = 4, protocol: str = "johnson2016", device: str = "cpu"
) -> Callable[[Tensor, Tensor], Float[Tensor, " n"]]:
    """A metric with a protocol's border crop, luma and rounding inside, as a function `(sr, hr) -> values`.

    Args:
        name: of `bench.sr_quality --list`; one without a reference ignores hr's pixels.
        scale: decides the border crop of most protocols.
        device: where its network lies, if it has one.

    Returns:
        A function of sr and hr, float in [0, 1], `n c h w` of one size on one device, RGB or one channel; it gives float64
        values, `n`, and raises ValueError for anything else.

    Raises:
        UserError: an unknown name, or a metric of colour under a protocol that has luma only. MissingFile: its weights are
            not to be had.

    >>> hr = torch.zeros(2, 3, 64, 64)
    >>> metric("psnr", scale=4)(hr + 0.1, hr).shape
    torch.Size([2])
    """
    exact_float32()
    require_scale(scale)
    rule = find_protocol(protocol, scale)
    (loaded,) = load_metrics([metric_table.entry(name).name], find_device(device))
    can_measure(loaded, rule, required=True, log=lambda line: None)

    @torch.inference_mode()
    def measure(sr: Tensor, hr: Tensor) -> Float[Tensor, " n"]:
        for what, image in (("sr", sr), ("hr", hr)):
            require_image(what, image)
        require_alike(sr, hr)
        # One image at a time, as the programs do: each value is that of the image alone, to the last bit.
        return torch.tensor(
            [_measure(loaded, sr[i : i + 1], hr[i : i + 1]) for i in range(len(hr))], dtype=torch.float64
        )

    def _measure(one: LoadedMetric, sr: Tensor, hr: Tensor) -> float:
        a, b = prepare(sr, hr, rule)
        left, right = getattr(a, one.entry.view), getattr(b, one.entry.view)
        function: Any = one.metric
        if not one.entry.reference:
            return float(function(left))
        if isinstance(function, CachedMetric):
            return float(function.against(left, function.reference(right)))
        return float(function(left, right))

    return measure


def make_lr(
    hr: Float[Tensor, "n c h w"], *, scale: int = 4, protocol: str = "johnson2016"
) -> Float[Tensor, "n c h2 w2"]:
    """hr to lr as a protocol makes it: cropped to multiples of the scale at the right and the bottom, then reduced.

    Args:
        hr: float in [0, 1], RGB or one channel; luma is taken first where the protocol is luma first.

    Raises:
        UserError: the protocol is unknown. ValueError: hr is not such an image.

    >>> make_lr(torch.zeros(1, 3, 66, 50), scale=4).shape
    torch.Size([1, 3, 16, 12])
    """
    require_image("hr", hr)
    require_scale(scale)
    rule = find_protocol(protocol, scale)
    return degradation.degrade(modcrop(to_luma(hr) if rule.colour == "y" else hr, scale), rule)


def explain(
    sr: UInt8[np.ndarray, "h w c"], hr: UInt8[np.ndarray, "h w c2"], *, scale: int = 4
) -> pd.DataFrame:
    """PSNR and SSIM of a pair under every convention that is known, as `bench.explain --all` lists them.

    Args:
        sr: uint8, RGB or grey, of hr's size.
        scale: decides how much some conventions crop from the border.

    Returns:
        A row for each convention, the largest PSNR first: `metric convention value`.

    Raises:
        ValueError: an image is not uint8 or empty, or the sizes differ. UserError: the scale is no whole number.

    >>> pixels = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
    >>> explain(pixels, pixels ^ 1).columns.tolist()
    ['metric', 'convention', 'value']
    """
    require_scale(scale, least=1)
    arrays = [np.atleast_3d(np.asarray(image)) for image in (sr, hr)]
    for what, array in zip(("sr", "hr"), arrays, strict=True):
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in {1, 3} or not array.size:
            raise ValueError(
                f"{what} is {array.dtype} {array.shape}; must be uint8, (h, w, 3), (h, w, 1) or (h, w)"
            )
    if arrays[0].shape[:2] != arrays[1].shape[:2]:
        raise ValueError(f"sr is {arrays[0].shape}, hr {arrays[1].shape}; must be one height and width")
    conventions: list[PairConvention] = [*psnr_conventions(1), *ssim_conventions()]
    image = measure_pair("pair", arrays[0], arrays[1], scale, conventions)
    found = values([image], distinct(conventions, grey=image.grey))
    rows = [(value.metric, described(value.convention, scale), value.value) for value in found]
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["metric", "convention", "value"])
    return frame.sort_values(["metric", "value"], ascending=[True, False], ignore_index=True)


def time_model(
    model: Upscaling, *, size: int = 256, scale: int = 4, device: str = "auto", time_limit: float = 20.0
) -> Timed:
    """The time of one call, as `bench.speed` takes it: warm-up, repetitions, the interval of their median.

    Args:
        model: as :func:`evaluate` takes it; stylizers by name or path too.
        size: side of the image that comes out, in pixels.
        scale: of a module or callable; a name or path knows its own.
        time_limit: seconds for the repetitions.

    Returns:
        `seconds`, `ci` (95 %, of the median), `n` repetitions, `peak_memory_bytes`, `warnings`, `certificate` (machine,
        versions, protocol, raw repetitions).

    Raises:
        UserError: as :func:`evaluate`, or it cannot be timed; says why.

    >>> row = time_model("bicubic", size=64, time_limit=0.2, device="cpu")
    >>> row.seconds > 0 and row.n > 1
    True
    """
    exact_float32()
    require_scale(scale, least=1)
    named = [str(model)] if isinstance(model, str | Path) else []
    # bool is an int in Python: True would be a size of 1.
    if isinstance(size, bool) or not isinstance(size, int) or size < 1 or (not named and size % scale):
        raise UserError(
            f"size is {size!r}; must be a whole number of pixels, a multiple of the model's scale"
        )
    with tempfile.TemporaryDirectory() as folder, _in_eval_mode(model):
        where = _device(model, device)
        # iterations: of the optimisation, which is not timed here, but the config wants some.
        request = TimingConfig(
            sizes=[size], iterations=[1], models=named, scale=scale if named else None, time_limit=time_limit
        )
        machine = environment(str(where))
        with Store(Path(folder) / "results.db") as store:
            run = store.start(Run(program="api.time_model", command=(), started=now(), environment=machine))
            bench = SpeedRun(
                config=request, device=where, environment=machine, store=store, run=run, reporter=Silent()
            )
            (row,) = network_rows(bench, _loaded_model(model, scale, where), size)
    if row.error:
        # A row that could not be timed carries its reason and no seconds; the program prints it, here it is raised.
        raise UserError(f"{row.method} cannot be timed: {row.error}")
    return row


def _loaded_model(model: Upscaling, scale: int, device: torch.device) -> LoadedModel:
    if isinstance(model, str | Path):
        return catalog.load(str(model), scale=catalog.scale_of(str(model), scale), device=device)
    own = _own_model(model, scale, None, device, stored=False)
    network: Any = own.upscaler
    return LoadedModel(
        name=own.name,
        hash=own.hash,
        kind="upscaler",
        network=network,
        scale=scale,
        requirements=requirements(network),
        weights="given from Python",
        device=device,
    )


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of a frame of :func:`evaluate`, or of several put together with `pandas.concat`: means over images.

    Returns:
        A row for each model, a column for each data set, scale and metric, as text with the metric's decimals; `*` marks
        the best of several models.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise UserError(f"frame is a {type(frame).__name__}; must be one that evaluate() returned")
    missing = set(COLUMNS) - set(frame.columns)
    if missing:
        raise UserError(f"frame has no column {sorted(missing)[0]!r}; must be one that evaluate() returned")
    table: dict[str, dict[str, str]] = {}
    for key, part in frame.groupby(["dataset", "scale", "metric"], sort=False):
        dataset, scale, name = key
        entry = metric_table.entry(str(name))
        means = part.groupby("model", sort=False)["value"].agg(lambda v: math.fsum(v) / len(v))
        best = means.max() if entry.higher_is_better else means.min()
        table[f"{dataset} x{scale} {name}"] = {
            str(model): f"{value:.{entry.decimals}f}{'*' * bool(value == best and len(means) > 1)}"
            for model, value in means.items()
        }
    return pd.DataFrame(table).rename_axis("model")


def _folder(dataset: Images, folder: Path) -> str:
    """The name or folder of a data set; arrays are written to one."""
    if isinstance(dataset, str | Path):
        return str(dataset)
    if not isinstance(dataset, Sequence) or not dataset:
        given = "empty" if isinstance(dataset, Sequence) else type(dataset).__name__
        raise UserError(f"dataset is {given}; must be a name, a folder, or a sequence of uint8 arrays")
    for number, pixels in enumerate(dataset):
        array = np.asarray(pixels)
        array = array[..., None] if array.ndim == 2 else array
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in {1, 3} or not array.size:
            raise UserError(
                f"image {number} is {array.dtype} {array.shape}; must be uint8, (h, w, 3), (h, w, 1) or (h, w)"
            )
        # The engine reads files in the order of their names: padded, 10 does not come before 2.
        images.write(folder / f"{number:06}.png", array)
    return str(folder)


@contextmanager
def _in_eval_mode(model: object) -> Iterator[None]:
    """A module in eval mode, each part of it put back into its own mode afterwards."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [module.training for module in modules]
    try:
        # The first is the module itself, and eval() reaches all its parts, of which some may have been in eval mode.
        for module in modules[:1]:
            module.eval()
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _device(model: object, device: str) -> torch.device:
    """Where to run; a module stays where it lies.

    Raises:
        UserError: a module lies elsewhere than asked for.
    """
    first = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    if first is None:
        return find_device(device)
    if first.device.type == "meta":
        raise UserError("the module lies on meta, where parameters have no values; must be one with weights")
    wanted = first.device if device == "auto" else find_device(device)
    # `cuda` without a number is any of them.
    if wanted.type != first.device.type or (":" in device and wanted != first.device):
        raise UserError(
            f"device is {device!r}, and the module lies on {first.device}; must be model.to({device!r}) before"
        )
    return first.device


def _own_model(
    model: nn.Module | Callable[[Tensor], Tensor],
    scale: int,
    name: str | None,
    device: torch.device,
    stored: bool,
) -> Model:
    """A module or callable as a model of a plan.

    Raises:
        UserError: it is not callable, has another scale, or its scores cannot be stored.
    """
    if not callable(model):
        raise UserError(
            f"model is a {type(model).__name__}; must be a name, a path, an nn.Module or a callable of lr"
        )
    if stored and not isinstance(model, nn.Module):
        raise UserError(
            "a callable has no content that could be hashed; must be db=None, an nn.Module, or FILE.py:NAME"
        )
    called = str(name or getattr(model, "__name__", type(model).__name__))
    found = _scale(model, device)
    if found != scale:
        raise UserError(f"model {called} makes x{found}; must be x{scale}, or scale={found}")
    content = _content(model) if stored and isinstance(model, nn.Module) else ""
    return Model(
        name=called,
        hash=content_hash({"python": content, "scale": scale, "name": called}),
        upscaler=wrapped(model, Convention(), scale),
    )


def _scale(model: Callable[[Tensor], Tensor], device: torch.device) -> int:
    def call(lr: Tensor) -> Tensor:
        sr = model(lr.to(device))
        return sr.to(lr.device) if isinstance(sr, Tensor) else sr

    return probe(call, Convention())


def _content(module: nn.Module) -> str:
    """SHA-256 of a module's printed form, its weights, and the source of each of its classes that torch does not bring.

    Raises:
        UserError: a source cannot be had, so that a change of the code would go unnoticed.
    """
    digest = hashlib.sha256(repr(module).encode())
    # torch's own code is not hashed: its version stands in the environment of every score.
    classes = {type(part) for part in module.modules() if not type(part).__module__.startswith("torch.")}
    for each in sorted(classes, key=lambda each: each.__qualname__):
        try:
            digest.update(inspect.getsource(each).encode())
        except (OSError, TypeError) as error:
            raise UserError(
                f"the source of {each.__qualname__} cannot be read, and scores are kept under its hash; must be db=None"
            ) from error
    for key, array in sorted(module.state_dict().items()):
        digest.update(f"{key}{array.dtype}{tuple(array.shape)}".encode())
        # As bytes, since NumPy has no bfloat16.
        digest.update(array.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _rows(plan: Plan, request: Config, store: Store) -> list[Row]:
    machine = environment(str(plan.device))
    number = store.start(
        Run(
            program="api.evaluate",
            command=(),
            started=now(),
            environment=machine,
            protocols=(plan.protocol,),
            metrics=tuple(info(name, cache.used_name) for name in request.metrics),
        )
    )
    reporter = Silent()
    found = results(plan, store, run(ResultWriter(plan, store, number, reporter)))
    failures = store.failures(number)
    store.finish(number)
    if failures:
        raise RunError(f"{len(failures)} could not be scored, first: {reporter.notes[0]}")
    return found


def _frame(plan: Plan, rows: Sequence[Row], device: torch.device) -> pd.DataFrame:
    import pandas as pd

    records = [
        (row.model, row.dataset, image, row.scale, row.protocol, row.protocol_hash, row.metric, value)
        for row in rows
        for image, value in row.values.items()
    ]
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    frame.attrs = {
        "protocol": plan.protocol.definition,
        "metrics": {metric.entry.name: metric.entry.version for metric in plan.metrics},
        "environment": dict(environment(str(device)).facts),
    }
    return frame
