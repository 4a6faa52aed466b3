"""Random weights under the manifest's names: what the metrics compute is proved without anyone's trained trunk."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from scipy.io import savemat
from torch import nn
from torchvision import models

from models.vgg_weights import NETWORKS, random_arrays

TRUNKS: dict[str, Callable[..., nn.Module]] = {
    "trunks/alexnet-features.safetensors": models.alexnet,
    "trunks/vgg16-features.safetensors": models.vgg16,
    "torchvision/squeezenet1_1-b8a52dc0.pth": models.squeezenet1_1,
}


def dists_weights() -> Path:
    """The authors' alpha and beta, which torchmetrics installs; its path is found without importing it.

    Raises:
        FileNotFoundError: torchmetrics is not installed.
    """
    found = importlib.util.find_spec("torchmetrics")
    if found is None or found.origin is None:
        raise FileNotFoundError("torchmetrics, which has the weights of DISTS, is not installed")
    return Path(found.origin).parent / "functional/image/dists_models/weights.pt"


def trunk(name: str) -> nn.Sequential:
    """torchvision's network of that file, its features alone, seeded; no memory is spent on the classifier.

    Args:
        name: of :data:`TRUNKS`, with or without its folder.
    """
    make = next(network for file, network in TRUNKS.items() if file.endswith(name))
    with torch.device("meta"):
        features = make(weights=None).features
    assert isinstance(features, nn.Sequential)
    features.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(7)
    for parameter in features.parameters():
        spread = (2 / parameter[0].numel()) ** 0.5 if parameter.dim() > 1 else 0.1
        nn.init.normal_(parameter, std=spread, generator=generator)
    return features.eval().requires_grad_(False)


def pristine() -> dict[str, np.ndarray]:
    """A made-up mean and covariance in the place of those of pristine photographs."""
    generator = np.random.default_rng(5)
    spread = generator.normal(size=(36, 50))
    return {"mu_prisparam": generator.random((1, 36)), "cov_prisparam": spread @ spread.T / 500}


def write_random_weights(folder: Path, *, dists: Path) -> None:
    """Random files of the right kind under the names of `MetricEntry.needs`.

    Args:
        dists: the one file that is not random.
    """
    for name in ("torchvision", "trunks", "vgg19-caffe-conv3_1", "dists", "niqe"):
        (folder / "weights" / name).mkdir(parents=True)
    savemat(folder / "weights/niqe/modelparameters.mat", pristine())
    shutil.copy(dists, folder / "weights/dists/weights.pt")
    for name in TRUNKS:
        state = {f"features.{key}": array for key, array in trunk(name).state_dict().items()}
        save = save_file if name.endswith(".safetensors") else torch.save
        save(state, folder / "weights" / name)
    arrays = random_arrays(NETWORKS["vgg19-conv3_1"], seed=3).values()
    raw = torch.cat([array.flatten() for array in arrays]).numpy().astype("<f4")
    (folder / "weights/vgg19-caffe-conv3_1/vgg19.model").write_bytes(raw.tobytes())
