"""The training loop: any task, one process or many, stopped and resumed at any step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import UInt8
from lightning_fabric import Fabric
from torch import Tensor, nn

from bench.cli import Reporter
from bench.errors import RunError
from bench.training import checkpoint
from bench.training.average import update_average
from bench.training.checkpoint import State
from bench.training.config import Config
from bench.training.data import Patches, pixels_of
from bench.training.logger import RunLogger

NEVER = 2**62  # beyond any step, within int64
SAMPLES = 4  # images of which pictures are kept
UNSAVED_SECONDS = 120.0
"""After so long the next logged step is saved too: on a CPU the steps between two checkpoints can take ten minutes."""


class Trainer:
    """One run in one process; all processes do the same, the first one also writes.

    Args:
        state: new, or restored from a checkpoint.
        save: writes the state; called in the first process alone.
        logger: None in all processes but the first.
    """

    def __init__(
        self,
        *,
        fabric: Fabric,
        config: Config,
        state: State,
        patches: Patches,
        validation: Sequence[UInt8[Tensor, "3 h w"]],
        save: Callable[[State], None],
        logger: RunLogger | None,
        reporter: Reporter,
    ) -> None:
        self.fabric, self.config, self.task, self.recipe = fabric, config, config.task, config.recipe
        self.state, self.patches, self.validation = state, patches, validation
        self.write, self.logger, self.reporter = save, logger, reporter
        self.model, self.objective = self.ready()
        self.optimizer: Any = fabric.setup_optimizers(state.optimizer)
        self.started = self.since = self.saved = time.monotonic()
        self.label = "starting"
        self.total, self.steps, self.first_bad = self.nothing()

    def ready(self) -> tuple[Any, Callable[[Tensor, Tensor], Tensor]]:
        """Network and loss as they are called in a step: compiled if asked for, and told of other processes."""
        model, objective = self.state.network, self.task.objective
        if self.recipe.compile != "none":
            model = torch.compile(model, mode=self.recipe.compile)  # type: ignore[assignment]
            objective = torch.compile(objective, mode=self.recipe.compile)
        # Wrapped, by DDP for one; `state.network` is the same weights bare, which are saved, averaged and clipped.
        return self.fabric.setup_module(model), objective

    def run(self) -> bool:
        """Train to the end of the recipe, or until the time is up; whether it came to the end.

        Raises:
            RunError: the loss is no longer finite.
            OSError: a checkpoint cannot be written.
        """
        self.set_mode()
        in_time = True
        while self.state.step < self.recipe.iterations and in_time:
            self.step()
            self.reporter.advance(self.label)
            unsaved = False
            if self.due(self.config.log_every):
                self.log()
                in_time = not self.out_of_time()
                unsaved = self.first_says(time.monotonic() - self.saved > UNSAVED_SECONDS)
            if self.due(self.config.validate_every) or not in_time:
                self.apart(self.validate)
            if self.due(self.config.checkpoint_every) or unsaved or not in_time:
                self.save()
        return self.state.step == self.recipe.iterations

    def set_mode(self) -> None:
        """Training mode; from a step of the recipe on, batch normalisation with the statistics it has by then."""
        network, first = self.state.network.train(), self.recipe.freeze_norm
        if first and self.state.step >= first:
            for layer in network.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    # The statistics alone: weight and bias are trained on.
                    layer.eval()

    def due(self, every: int) -> bool:
        """Whether this step is one of every `every`, or the last."""
        return self.state.step % every == 0 or self.state.step == self.recipe.iterations

    def step(self) -> None:
        """One step of Adam; nothing in it waits for the device."""
        state, recipe = self.state, self.recipe
        if state.step == recipe.freeze_norm:
            self.set_mode()
        patches = self.patches(state.step, self.fabric.global_rank, self.fabric.world_size)
        # The loss network takes the layout of what it is shown; with patches in the output's a step of the feature loss
        # at x4 was 1.1 times as fast.
        shown, target = self.task.examples(patches.to(memory_format=recipe.layout))
        # In every step, from its number alone: a resumed run has the rate that it would have had.
        for group in state.optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(state.step)
        output = self.model(shown)
        with self.fabric.autocast():
            loss = self.objective(output, target)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        if recipe.clip_norm:
            # After the backward pass gradients are the mean over all processes: each clips alike.
            nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip_norm)
        self.optimizer.step()
        if state.average is not None:
            update_average(state.average, state.network, decay=recipe.average, step=state.step)
        self.remember(loss.detach())
        state.step += 1

    def remember(self, loss: Tensor) -> None:
        """Add the loss of a step to the mean that is logged, and note the first that is not finite; on the device."""
        self.total += loss
        self.steps += 1
        # A choice on the device; `if` would wait for the loss in every step.
        bad = torch.where(torch.isfinite(loss), NEVER, self.state.step)
        self.first_bad = torch.minimum(self.first_bad, bad)

    def nothing(self) -> tuple[Tensor, int, Tensor]:
        """Sum of the losses, number of steps, first step with a bad loss: none so far."""
        device = self.fabric.device
        return torch.zeros((), device=device), 0, torch.tensor(NEVER, device=device)

    def log(self) -> None:
        """Losses since the last time, and the speed; waits for the device."""
        self.check_loss()
        loss = float(self.all_reduce(self.total, "mean")) / max(1, self.steps)
        seconds = self.lap()
        speed = self.steps * self.recipe.batch / seconds
        rate = self.recipe.learning_rate_at(self.state.step - 1)
        self.label = f"loss {loss:.4g}, {speed:.1f} images/s"
        if self.logger:
            values = {"loss": loss, "learning_rate": rate, "images_per_second": speed}
            self.logger.write("train", self.state.step, values | {"seconds": self.state.seconds})
        self.total, self.steps, self.first_bad = self.nothing()

    def lap(self) -> float:
        """Seconds of training since the last call, which are added to the run's."""
        now = time.monotonic()
        seconds, self.since = now - self.since, now
        self.state.seconds += seconds
        return seconds

    def check_loss(self) -> None:
        """Stop where the loss became infinite or NaN, in all processes at once."""
        first = int(self.all_reduce(self.first_bad, "min"))
        # The last update may have spoilt the weights though every loss so far was finite.
        if first == NEVER and all(bool(p.isfinite().all()) for p in self.state.network.parameters()):
            return
        # NEVER where only the weights are bad: then the last step is named.
        step = min(first, self.state.step - 1)
        kept = "its last checkpoint is kept" if (self.config.out / checkpoint.NAME).exists() else "none kept"
        raise RunError(
            f"the loss is not finite in step {step} (learning rate {self.recipe.learning_rate_at(step):.3g}); "
            f"run {str(self.config.out)!r} stops, {kept}. Start again with a lower --learning-rate or with "
            "--clip-norm 1"
        )

    def all_reduce(self, value: Tensor, how: str) -> Tensor:
        """Over all processes; the argument stays what it is."""
        reduced = self.fabric.all_reduce(value.clone(), reduce_op=how)
        assert isinstance(reduced, Tensor)
        return reduced

    def save(self) -> None:
        """Write a checkpoint, by the first process."""
        # First: no checkpoint holds a weight that is not finite.
        self.check_loss()
        self.lap()
        self.apart(lambda: self.write(self.state))
        self.saved = time.monotonic()

    def apart(self, action: Callable[[], None]) -> None:
        """In the first process, while the others wait; its time is not training time."""
        self.lap()
        if self.fabric.is_global_zero:
            action()
        self.fabric.barrier()
        # After the barrier: what the first process did is no time of training.
        self.since = time.monotonic()

    def validate(self) -> None:
        """Mean scores over the held-out images, in float32, and pictures of the first ones."""
        if not self.validation:
            return
        network = self.state.best.eval()
        scores = []
        for i, image in enumerate(self.validation):
            values, picture = self.task.score(network, pixels_of(image, self.fabric.device))
            scores.append(values)
            if self.logger and i < SAMPLES:
                self.logger.image(f"{i:02}", self.state.step, picture)
        # eval() was of the trained network itself where no average is kept.
        self.set_mode()
        self.state.scores = means = {name: sum(s[name] for s in scores) / len(scores) for name in scores[0]}
        self.reporter.note(f"step {self.state.step}: " + ", ".join(f"{k} {v:.4g}" for k, v in means.items()))
        if self.logger:
            self.logger.write("validation", self.state.step, means)

    def out_of_time(self) -> bool:
        """Whether `--max-minutes` are over."""
        limit = self.config.max_minutes
        return limit is not None and self.first_says(time.monotonic() - self.started > 60 * limit)

    def first_says(self, value: bool) -> bool:
        """That of the first process in all of them: clocks differ, and all must do the same."""
        return bool(self.fabric.broadcast(value))
