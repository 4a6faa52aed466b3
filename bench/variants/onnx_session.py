"""A network as ONNX, run by ONNX Runtime; both are in the `onnx` extra."""

from __future__ import annotations

import copy
import importlib.util
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import nn

from bench.errors import missing_extra
from bench.registry.adapters.onnx_file import PROVIDERS, provider_options
from bench.variants.variant import VariantUnavailable, first_line

Images = Float[torch.Tensor, "n c h w"]

OPSET = 17


def session(network: nn.Module, example: Images) -> Callable[[Images], Images]:
    """`network` for images of the size of `example`, on its device, with as many threads as torch has.

    Images and results pass through the host's memory.

    Raises:
        VariantUnavailable: onnxruntime is not installed or cannot use the device, or the export fails.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise VariantUnavailable(missing_extra("this variant", "onnxruntime", "onnx"))
    import onnxruntime

    provider = PROVIDERS.get(example.device.type)
    if provider not in onnxruntime.get_available_providers():
        raise VariantUnavailable(
            f"onnxruntime cannot use {example.device.type} here; it is built for the CPU"
        )
    options = onnxruntime.SessionOptions()
    # A variant is compared with the others on the same number of threads.
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors, no warnings
    loaded = onnxruntime.InferenceSession(
        export(network, example),
        options,
        providers=[provider],
        provider_options=provider_options(example.device),
    )
    name = loaded.get_inputs()[0].name

    def call(image: Images) -> Images:
        (output,) = loaded.run(None, {name: image.cpu().contiguous().numpy()})
        return torch.from_numpy(output).to(image.device)

    return call


def export(network: nn.Module, example: Images) -> bytes:
    """`network` as an ONNX file, by torch's older exporter, which needs no package beside onnx.

    Raises:
        VariantUnavailable: an operation that ONNX does not have, or a torch without that exporter.
    """
    if importlib.util.find_spec("onnx") is None:
        raise VariantUnavailable(missing_extra("this variant", "onnx", "onnx"))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing, and of the exporter's age
        file = Path(folder) / "network.onnx"
        try:
            # a copy: `.cpu` moves a module in place, and the caller goes on with it on its device
            moved = copy.deepcopy(network).cpu()
            torch.onnx.export(moved, (example.cpu(),), file, dynamo=False, opset_version=OPSET)
        except Exception as error:  # the exporter raises whatever happens to go wrong in it
            raise VariantUnavailable(f"the export to ONNX fails: {first_line(error)}") from error
        return file.read_bytes()
