"""Checkpoints: ours by their metadata, others' by spandrel, which recognises the architecture from the file alone, and
the style network of PyTorch's examples.

What training programs put around the weights is taken away by one rule: first :data:`PARTS` of the file, then
:data:`PREFIXES` of the names, one after another, averages of the weights (EMA) before the weights, until the names are
those of a known network. What stands beside a prefix must be another copy or what training leaves behind
(:data:`LEFTOVERS`): else it would be a part of a network, and is not taken for one.

No code of a file is ever run: pickles are read by torch's reader of weights, which knows tensors and plain
containers and refuses everything else; TorchScript, which is code, is refused.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import json
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from bench.data.formats import no_weights, read_head
from bench.data.whole_file import LARGEST_WEIGHTS_BYTES, read_whole
from bench.errors import MissingExtra, UserError
from bench.registry.adapters.convention import Convention, ModuleAdapter, reason
from bench.registry.external import ExternalModel
from bench.registry.spec import Spec
from bench.text import one_line
from models import example_style_net, sr_net, style_net
from models.weight_files import read_weights
from models.weights_only import DAMAGE, load

# Where training programs keep the weights in a checkpoint, and what they put before every name; averages first.
PARTS = (
    "params_ema", "params-ema", "params", "model_state_dict", "state_dict", "model", "net", "generator_ema", "net_g_ema",
    "netG_ema", "model_ema", "ema_model", "state_dict_ema", "ema_state_dict", "ema", "generator", "net_g", "netG", "gen",
    "G", "network", "module", "weights",
)  # fmt: skip
PREFIXES = tuple(
    f"{name}." for name in (
        "params_ema", "generator_ema", "net_g_ema", "netG_ema", "model_ema", "ema_model", "ema", "params",
        "model_state_dict", "state_dict", "module", "_orig_mod", "generator", "net_g", "netG", "gen", "G", "model", "net",
        "network", "weights",
    )
)  # fmt: skip
# What of a checkpoint is no part of the network that makes images.
LEFTOVERS = re.compile(
    r"(?:discriminator|disc|net_?d|D|criterion|critic|loss|losses|perceptual|vgg|lpips|feature_extractor|steps?|step_counter|"
    r"epoch|iter|global_step|n_averaged|num_updates|decay|optim\w*|sched\w*|data_preprocessor|ema\w*|\w*_ema|\w*loss\w*|"
    r"\w*criterion\w*|metric\w*|psnr|ssim)(?:\.|$)",
    re.IGNORECASE,
)
DEEPEST = 8  # parts inside of parts, and prefixes behind prefixes


def load_external(spec: Spec) -> ExternalModel:
    """The network in a checkpoint.

    Raises:
        UserError: not such a file, one that holds more than weights, an architecture that spandrel does not know.
    """
    file = Path(spec.source)
    try:
        check_no_other_files(file)
        sha256 = hashlib.sha256(read_whole(file, most=LARGEST_WEIGHTS_BYTES)).hexdigest()
        metadata = _metadata(file)
        if metadata.get("architecture") in {sr_net.ARCHITECTURE, style_net.ARCHITECTURE}:
            return _trained_here(spec, sha256, metadata)
        arrays = read(file)
        # before spandrel, which is optional and does not know this network
        for found in unwrapped(arrays):
            if example_style_net.is_example_style_net(found):
                return _example_style(spec, sha256, found)
        return _recognised(spec, sha256, arrays)
    except OSError as error:
        raise UserError(f"{spec.source!r} cannot be read: {error.strerror or error}") from error


def check_no_other_files(file: Path) -> None:
    """
    Raises:
        UserError: the file's first bytes are not those of weights: says what they are of.
        OSError: it cannot be read.
    """
    what = no_weights(read_head(file))
    if what:
        raise UserError(
            f"{str(file)!r} is damaged or no checkpoint: it is {what}; must be a file of weights: fetch it again"
        )


def _metadata(file: Path) -> dict[str, str]:
    if file.suffix.lower() != ".safetensors":
        return {}
    try:
        return read_weights(file)[0]
    except ValueError as error:
        raise UserError(f"{str(file)!r}: {error}") from error


def _trained_here(spec: Spec, sha256: str, metadata: Mapping[str, str]) -> ExternalModel:
    """A file that `bench.train export` wrote."""
    file = Path(spec.source)
    _check_options(spec)
    try:
        if metadata["architecture"] == sr_net.ARCHITECTURE:
            scale = _scale(metadata)
            # A file that gives no network is refused here, not in the middle of a run.
            sr_net.load_sr_net(scale=scale, weights=file)
            return ExternalModel(
                spec=spec,
                kind="upscaler",
                about="the paper's network, trained with bench.train",
                scale=scale,
                content=sha256,
                make=lambda scale, device: sr_net.load_sr_net(scale=scale, weights=file).to(device),
            )
        style_net.load_style_net(file)
    except ValueError as error:
        raise UserError(f"{str(file)!r}: {error}") from error
    return ExternalModel(
        spec=spec,
        kind="stylizer",
        about="the paper's style network, trained with bench.train",
        scale=1,
        content=sha256,
        make=lambda _, device: style_net.load_style_net(file).to(device).requires_grad_(False),
        minimum=style_net.MINIMUM_SIZE,
        style=spec.options.get("style", metadata.get("style", "")),
        loss_network=metadata.get("loss_network", ""),
    )


def _scale(metadata: Mapping[str, str]) -> int:
    """
    Raises:
        ValueError: the config has none.
    """
    try:
        return int(json.loads(metadata["config"])["scale"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError("its config has no scale; must be a file that bench.train export wrote") from error


def _check_options(spec: Spec) -> None:
    for key in ("order", "multiple", "kind"):
        if key in spec.options:
            raise UserError(
                f"{spec.source!r} was trained with bench.train and says itself what it takes; must be no {key}="
            )


def read(file: Path) -> dict[str, Tensor]:
    """The arrays of a checkpoint by name, on the CPU; nothing in the file is run.

    Raises:
        UserError: it is no checkpoint, is damaged, or holds more than weights.
    """
    if file.suffix.lower() == ".safetensors":
        return read_weights(file)[1]
    try:
        content = load(file)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{str(file)!r} holds more than weights and is not opened, since that would run its code "
            f"({_refused(error)}); must be a file of tensors alone: save the network's state_dict() in the program "
            "that made it, best as safetensors"
        ) from error
    except DAMAGE as error:
        # torch says so itself when weights_only meets one
        script = "TorchScript" in str(error)
        what = "is TorchScript, which is code" if script else f"is damaged or no checkpoint ({reason(error)})"
        raise UserError(f"{str(file)!r} {what}; must be a file of tensors: a state_dict") from error
    return _weights(content, file)


def _refused(error: Exception) -> str:
    """torch's long advice cut down to what it met."""
    text = one_line(" ".join(str(error).split()))
    _, marker, rest = text.partition("GLOBAL ")
    return f"it asks for {rest.split(' was not')[0]}" if marker else text[:120]


def _weights(content: Any, file: Path) -> dict[str, Tensor]:
    for _ in range(DEEPEST):
        inner = _inner(content)
        if inner is None:
            break
        content = inner
    arrays = (
        {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
        if isinstance(content, Mapping)
        else {}
    )
    if not arrays:
        raise UserError(f"{str(file)!r} holds no arrays by name; must be a state_dict")
    return arrays


def _inner(content: Any) -> Mapping[Any, Any] | None:
    """The part of a checkpoint that holds the weights; None where it is the weights itself."""
    if not isinstance(content, Mapping):
        return None
    for part in PARTS:
        if isinstance(content.get(part), Mapping) and content[part]:
            return content[part]
    # the one entry is the weights, whatever it is called; a single array is not
    if len(content) == 1:
        (only,) = content.values()
        return only if isinstance(only, Mapping) else None
    return None


def unwrapped(arrays: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The arrays as they are named, then with one prefix of :data:`PREFIXES` fewer each time."""
    found = dict(arrays)
    for _ in range(DEEPEST):
        yield found
        prefix = next(
            (p for p in PREFIXES if any(name.startswith(p) for name in found) and _whole(found, p)), None
        )
        if prefix is None:
            return
        found = {name.removeprefix(prefix): a for name, a in found.items() if name.startswith(prefix)}


def _whole(arrays: Mapping[str, Tensor], prefix: str) -> bool:
    """Whether what has the prefix is a network of its own: the rest is another copy of it, or left over from training."""
    # `module.` (DataParallel) may stand in one copy and not in the other
    own = {name.removeprefix(prefix).removeprefix("module.") for name in arrays if name.startswith(prefix)}
    rest = [name for name in arrays if not name.startswith(prefix)]
    return all(
        LEFTOVERS.match(name) or (name.startswith(PREFIXES) and name.partition(".")[2] in own)
        for name in rest
    )


def _example_style(spec: Spec, sha256: str, weights: Mapping[str, Tensor]) -> ExternalModel:
    """The style network of PyTorch's examples."""
    if (
        "multiple" in spec.options
        or spec.options.get("scale", 1) != 1
        or spec.options.get("kind") == "upscaler"
    ):
        raise UserError(
            f"{spec.source!r} is a style network of any size and scale 1; must be no multiple=, scale= or kind=upscaler"
        )
    try:
        network = example_style_net.example_style_net(weights)
    except ValueError as error:
        raise UserError(f"{spec.source!r}: {error}") from error
    convention = Convention(bgr=spec.options.get("order") == "bgr", minimum=example_style_net.MINIMUM_SIZE)
    return ExternalModel(
        spec=spec,
        kind="stylizer",
        about="the style network of PyTorch's examples",
        scale=1,
        content=sha256,
        # a copy: `.to` moves a module in place, and another device may want it too
        make=lambda scale, device: ModuleAdapter(copy.deepcopy(network), convention, scale).to(device),
        minimum=example_style_net.MINIMUM_SIZE,
        style=spec.options.get("style", ""),
    )


def _recognised(spec: Spec, sha256: str, weights: dict[str, Tensor]) -> ExternalModel:
    if importlib.util.find_spec("spandrel") is None:
        what = f"{spec.source!r} was not trained with bench.train: a checkpoint of another network"
        raise MissingExtra(what, "spandrel", "spandrel")
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError

    model = None
    for arrays in unwrapped(weights):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of old calls in other people's networks
                # a dictionary of its own, which spandrel may change
                model = ModelLoader(device="cpu").load_from_state_dict(dict(arrays))
            break
        except UnsupportedModelError:
            continue
        except (
            RuntimeError,
            KeyError,
            ValueError,
            AssertionError,
            TypeError,
            IndexError,
            AttributeError,
        ) as error:
            raise UserError(f"{spec.source!r} cannot be loaded by spandrel: {reason(error)}") from error
    if model is None:
        raise UserError(
            f"{spec.source!r} holds {len(weights)} arrays that spandrel knows no network for, the first called "
            f"{next(iter(weights))!r}; must be one of its architectures, or FILE.py:NAME that builds yours"
        )
    # a masked descriptor takes a mask beside the image (inpainting)
    if not isinstance(model, ImageModelDescriptor) or model.input_channels != model.output_channels:
        raise UserError(f"{spec.source!r} is a {model.architecture.name}, which takes more than one image; must be "
                        "an upscaler or a stylizer")  # fmt: skip
    return _described(spec, sha256, model)


def _described(spec: Spec, sha256: str, model: Any) -> ExternalModel:
    """What spandrel says of a network, as this suite says it."""
    if model.input_channels not in {1, 3}:
        raise UserError(f"{spec.source!r} takes {model.input_channels} channels; must be 3 (RGB) or 1 (luma)")
    given = spec.options.get("scale", model.scale)
    if given != model.scale:
        raise UserError(f"{spec.source!r} has the option scale={given}, but its network is x{model.scale}")
    needs = model.size_requirements
    convention = Convention(
        bgr=spec.options.get("order") == "bgr",
        channels=model.input_channels,
        multiple=spec.options.get("multiple", needs.multiple_of),
        minimum=max(1, needs.minimum),  # spandrel has 0 where there is none
        square=needs.square,
    )
    network: nn.Module = model.model.requires_grad_(False).eval()
    kind = spec.options.get("kind", "upscaler" if model.scale > 1 else "stylizer")
    return ExternalModel(
        spec=spec,
        kind=kind,
        about=f"{model.architecture.name} x{model.scale}, a checkpoint read by spandrel",
        scale=model.scale,
        content=sha256,
        style=spec.options.get("style", ""),
        # a copy: `.to` moves a module in place, and another device may want it too
        make=lambda scale, device: ModuleAdapter(copy.deepcopy(network), convention, scale).to(device),
    )
