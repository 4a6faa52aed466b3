"""The work of `bench.inversion`: batch after batch of images through one optimisation each, into the store.

What was made before is kept. A batch is one transaction; where it fails as a whole, each of its images is tried alone.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.gatys import initial_image
from baselines.optimise import Optimised, Settings
from bench import images
from bench.applying.images import reason
from bench.cli import Reporter
from bench.datasets import LoadedImage
from bench.errors import ImageError
from bench.executor import read_ahead
from bench.inverting.config import STYLES, Config
from bench.inverting.goals import SUBJECT, Goal, Made, Target, curve, file_of, pictures, stored
from bench.inverting.search import lowest
from bench.records import Dataset, Failure, StyleProtocol
from bench.store import Store
from bench.styling import objective as style_objective
from models.losses import StyleObjective, Terms
from models.vgg import LossNetwork

T = TypeVar("T")
AT_ONCE = {"cpu": 4}
MOST_AT_ONCE = 16
"""Images of 256x256 in one optimisation, on a CPU and elsewhere; of larger ones as many as have as many pixels."""
REPORT_EVERY = 10


@dataclass(frozen=True, kw_only=True)
class Work:
    """What was asked for, with all that it takes.

    Attributes:
        network: the loss network, on `device`, with every layer that is looked at.
        run: number in the store.
    """

    config: Config
    network: LossNetwork
    device: torch.device
    store: Store
    run: int
    reporter: Reporter = field(repr=False)

    @property
    def at_once(self) -> int:
        """Images in a batch."""
        return at_once(self.config.size, self.device)


def at_once(size: int, device: torch.device) -> int:
    """Images of `size` in one optimisation."""
    return max(1, AT_ONCE.get(device.type, MOST_AT_ONCE) * 256**2 // size**2)


def report_every(iterations: int) -> int:
    """Iterations between two steps of the progress bar; each waits for the device."""
    return min(REPORT_EVERY, iterations)


def steps(config: Config, device: torch.device) -> int:
    """Of the progress bar, for everything."""
    most = at_once(config.size, device)
    batches = sum(-(-len(data.images) // most) for data in config.contents) * len(config.layers)
    batches += -(-len(config.styles) // most) * len(config.style_layers)
    return batches * (config.iterations // report_every(config.iterations))


def invert(work: Work) -> list[Made]:
    """Make what the store does not have yet; returns all that it then has of what was asked for.

    What cannot be done is named, stored as a failure, and left out.

    Raises:
        StoreError: the store cannot be written to.
        OSError: a picture cannot be written.
    """
    made: list[Made] = []
    for data in work.config.contents:
        for batch in in_batches(contents(work, data), work.at_once):
            made += [one for layer in work.config.layers for one in meet(work, batch, layer)]
    for batch in in_batches(style_images(work), work.at_once):
        made += [one for layer in work.config.style_layers for one in meet(work, batch, layer)]
    return made


def in_batches(things: Iterable[T], most: int) -> Iterator[list[T]]:
    """Lists of `most`, the last one of what is left."""
    left = iter(things)
    while batch := list(islice(left, most)):
        yield batch


def contents(work: Work, data: Dataset) -> Iterator[Target]:
    """Those that can be read, as a protocol has them."""
    for image, loaded in read_ahead(data.images):
        if isinstance(loaded, LoadedImage):
            pixels = style_objective.square(images.to_tensor(loaded.pixels), work.config.size)
            yield Target(dataset=data.name, image=image.stem, sha256=loaded.sha256, pixels=pixels)
        else:
            fail(work, data.name, image.stem, loaded)


def style_images(work: Work) -> Iterator[Target]:
    """Those that can be read, resized."""
    for style in work.config.styles:
        try:
            pixels = style_objective.read_style(style, work.config.style_size)
        except (ImageError, OSError) as error:
            fail(work, STYLES, style.name, error)
        else:
            yield Target(dataset=STYLES, image=style.name, sha256=style.sha256, pixels=pixels, style=style)


def meet(work: Work, batch: Sequence[Target], layer: str) -> list[Made]:
    """Make the images of one layer that are not there yet; returns them all."""
    goals = [target.goal(work.config, layer) for target in batch]
    known = {} if work.config.force else stored(work.store, goals, work.config)
    waiting = [goal for goal in goals if goal.key not in known]
    if waiting:
        known = known | {made.goal.key: made for made in attempt(work, waiting)}
    else:
        for _ in range(work.config.iterations // report_every(work.config.iterations)):
            work.reporter.advance(f"{layer}: there already")
    return [known[goal.key] for goal in goals if goal.key in known]


def attempt(work: Work, goals: Sequence[Goal]) -> list[Made]:
    """Make and store; where that fails, each by itself, and the one that fails by itself is named."""
    started = time.perf_counter()
    try:
        found = optimised(work, goals)
    except (ValueError, RuntimeError, MemoryError) as error:
        if len(goals) > 1:
            return [made for goal in goals for made in attempt(work, [goal])]
        fail(work, goals[0].dataset, goals[0].image, error, layer=goals[0].layer)
        return []
    return keep(work, goals, found, (time.perf_counter() - started) / len(goals))


def optimised(work: Work, goals: Sequence[Goal]) -> Optimised:
    """The images, on the CPU, with the terms of every iteration.

    Raises:
        ValueError: a style is too small for the loss network.
    """
    config = work.config
    like = torch.empty(len(goals), 3, config.size, config.size, device=work.device)

    def say(done: int, terms: Terms) -> None:
        more = f" and {len(goals) - 1} more" if len(goals) > 1 else ""
        value = f"objective {terms.total.mean().item():.4g}"
        work.reporter.advance(f"{goals[0].image}{more}, {goals[0].layer}, iteration {done}, {value}")

    return lowest(
        objective([goal.protocol for goal in goals], work.network, [g.pixels.to(work.device) for g in goals]),
        initial_image(like, "noise", config.seed),
        Settings(iterations=config.iterations, graph=work.device.type == "cuda"),
        callback=say,
        callback_every=report_every(config.iterations),
    )


def objective(
    protocols: Sequence[StyleProtocol], network: LossNetwork, pixels: Sequence[Float[Tensor, "1 3 _ _"]]
) -> StyleObjective:
    """That of a batch: protocols that differ in the style image alone, each with its content or style.

    Raises:
        UserError: a style is too small for the loss network.
    """
    chosen = protocols[0]
    if not chosen.style_layers:
        content = torch.cat(list(pixels))
        return style_objective.objective(chosen, network, content=content, style=content[:1])
    blank = pixels[0].new_zeros(1, 3, chosen.size, chosen.size)
    each = [style_objective.objective(chosen, network, content=blank, style=style) for style in pixels]
    together = copy.copy(each[0])
    together.grams = {layer: torch.cat([one.grams[layer] for one in each]) for layer in chosen.style_layers}
    return together


def keep(work: Work, goals: Sequence[Goal], found: Optimised, seconds: float) -> list[Made]:
    """Write the pictures, then store them and the curves in one transaction; an image that failed is named."""
    assert found.objective is not None
    made: list[Made] = []
    for i, (goal, failed_at) in enumerate(zip(goals, found.failed_at, strict=True)):
        if failed_at:
            error = ValueError(f"the objective is not finite in iteration {failed_at}; required a finite one")
            fail(work, goal.dataset, goal.image, error, layer=goal.layer)
            continue
        file = file_of(goal, work.config)
        images.write(file, images.to_array(found.image[i : i + 1]))
        terms = {name: tuple(getattr(found.objective, name)[:, i].tolist()) for name in Terms._fields}
        own = curve(goal, work.config, terms=terms, seconds=seconds, batch=len(goals))
        made.append(Made(goal=goal, curve=own, file=file))
    shown = [picture for one in made for picture in pictures(one, work.config, work.store.place)]
    work.store.add(work.run, curves=[one.curve for one in made], pictures=shown)
    return made


def fail(work: Work, dataset: str, image: str, error: Exception, *, layer: str = "") -> None:
    """Name what could not be done, and store it.

    Raises:
        Exception: `error` itself where it says nothing about the image.
    """
    text = f"{layer}: {reason(error)}" if layer else reason(error)
    failure = Failure(dataset=dataset, image=image, model=SUBJECT if layer else "", scale=1, reason=text)
    work.store.add(work.run, failures=[failure])
    work.reporter.note(f"{dataset} {image!r}: not done: {text}")
