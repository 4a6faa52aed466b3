"""The engine of `bench.style_quality`, `bench.inversion` and `bench.gatys`: batch after batch of contents.

read -> prepare -> make and judge -> keep. Contents without a pending method are passed over; the others are collected
until they fill a batch. What a round of a batch gave is kept at once, so a killed run loses one round at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from bench.cli import Reporter
from bench.data import images
from bench.data.datasets import LoadedImage
from bench.errors import RunError, out_of_memory
from bench.executor import read_ahead
from bench.styling.outcome import Outcome, Result, Stored
from bench.styling.plan import Content, Item, MeasuredImage, Method, Plan
from models.losses import Terms

Keep = Callable[[Outcome], None]
Submit = Callable[[Content], None]
Pool = Callable[["Engine"], AbstractContextManager[Submit]]
"""Where batches are made: gives a place to hand contents to, and keeps what comes of them."""


class Engine:
    """One plan on its way.

    Attributes:
        stored: what needs not be made again; None for nothing.
        items: the contents that could be read so far.
    """

    def __init__(self, plan: Plan, reporter: Reporter, keep: Keep, stored: Stored | None = None) -> None:
        self.plan, self.reporter, self.keep, self.stored = plan, reporter, keep, stored
        self.items: list[Item] = []

    def run(self, pool: Pool | None = None) -> list[Item]:
        """Make what is pending; returns the contents that could be read.

        Raises:
            StoreError, OSError: what was made cannot be kept.
        """
        if self.plan.shown:
            outcome = Outcome()
            for saved_image, pixels in self.plan.shown:
                outcome.show(saved_image, pixels)
            self.keep(outcome)
        with (pool or in_batches)(self) as submit:
            for content in self.contents():
                submit(content)
        return self.items

    def contents(self) -> Iterator[Content]:
        """Those with a pending method."""
        for index, (image, loaded) in enumerate(read_ahead(self.plan.dataset.images)):
            content = None
            try:
                content = self.content(index, image.stem, loaded)
            except (ValueError, OSError, RuntimeError, MemoryError) as error:
                # torch's CPU allocator raises a RuntimeError; any other is a defect.
                if isinstance(error, RuntimeError) and not out_of_memory(error):
                    raise
                outcome = Outcome()
                outcome.fail(self.plan, image.stem, None, self.named(error))
                self.keep(outcome)
            if content is None:
                advance(self.plan, self.reporter, image.stem, self.plan.steps)
            else:
                yield content

    def content(self, index: int, name: str, loaded: LoadedImage | Exception) -> Content | None:
        """The content, or None where nothing is pending.

        Raises:
            ValueError, OSError, RuntimeError, MemoryError: it could not be read, is too small, or found no memory.
        """
        if isinstance(loaded, Exception):
            raise loaded
        plan, (h, w) = self.plan, loaded.pixels.shape[:2]
        if min(h, w) < plan.minimum:
            raise ValueError(f"image must be at least {plan.minimum} pixels per side (got {w}x{h})")
        item = Item(name=name, sha256=loaded.sha256)
        # With nothing pending, too: tables are made of all contents that could be read.
        self.items.append(item)
        with_image = plan.image_limit is None or index < plan.image_limit
        pending = self.pending(item, with_image=with_image)
        if not pending:
            return None
        pixels = plan.prepare(images.to_tensor(loaded.pixels))
        return Content(
            name=name,
            sha256=loaded.sha256,
            pixels=pixels,
            with_image=with_image,
            pending=pending,
            height=h,
            width=w,
        )

    def pending(self, item: Item, *, with_image: bool) -> dict[str, int]:
        """Methods without a result, with the iterations to do: a stored curve is never made shorter."""
        return {
            method.name: max(method.iterations, self.found(method, item, with_image=with_image).iterations)
            for method in self.plan.methods
            if self.known(method, item, with_image=with_image) is None
        }

    def known(self, method: Method, item: Item, *, with_image: bool) -> Result | None:
        """What was made before, where it need not be made again."""
        found = self.found(method, item, with_image=with_image)
        lacks_image = with_image and found.file is None
        if found.iterations < method.iterations or lacks_image:
            return None
        if self.stored and self.plan.metrics and self.stored.lacks_scores(self.plan, method, item):
            return None
        return found

    def found(self, method: Method, item: Item, *, with_image: bool) -> Result:
        """What was made before."""
        if self.stored is None or self.plan.force:
            return Result(curve=None, file=None)
        return self.stored.find(self.plan, method, item, with_image=with_image)

    def named(self, error: Exception) -> Exception:
        """An error that says more than its type where memory ran out."""
        return RunError(self.plan.no_memory) if out_of_memory(error) else error


@contextmanager
def in_batches(engine: Engine) -> Iterator[Submit]:
    """Here, a batch after the other."""
    waiting: list[Content] = []

    def make() -> None:
        # In place, since submit() holds the same list.
        batch, waiting[:] = list(waiting), []
        for outcome in make_batch(engine.plan, batch, engine.reporter):
            engine.keep(outcome)

    def submit(content: Content) -> None:
        waiting.append(content)
        if len(waiting) == engine.plan.batch:
            make()

    yield submit
    # The rest, which fills no batch; not reached where the caller's loop raised.
    if waiting:
        make()


def make_batch(plan: Plan, batch: Sequence[Content], reporter: Reporter) -> Iterator[Outcome]:
    """What each round makes of the contents: first, content by content, what takes one; then what takes all."""
    for methods in plan.rounds:
        outcome = Outcome()
        singly = [method for method in methods if not method.together]
        for content in batch if singly else ():
            reporter.begin(label(plan, content.name))
            for method in singly:
                if method.name in content.pending:
                    make_one(plan, method, content, outcome)
            advance(plan, reporter, content.name)
        for method in (method for method in methods if method.together):
            waiting = [content for content in batch if method.name in content.pending]
            if waiting:
                make_all(plan, method, waiting, outcome, reporter)
            # The progress bar has steps for every content; those with a result take theirs at once.
            known = len(batch) - len(waiting)
            advance(plan, reporter, batch[-1].name, method.steps * known)
        yield outcome


def make_one(plan: Plan, method: Method, content: Content, outcome: Outcome) -> None:
    """Whatever a network does wrong costs it this content, not the run."""
    try:
        (measured,) = method.make([content], 0, lambda done, terms: None)
        if isinstance(measured, Exception):
            raise measured
        outcome.keep(plan, method, content, measured)
    except Exception as error:
        outcome.fail(plan, content.name, method, error)


def make_all(
    plan: Plan, method: Method, batch: Sequence[Content], outcome: Outcome, reporter: Reporter
) -> None:
    """All at once; where memory runs out in two halves, where one of them cannot be made each alone."""

    def report(done: int, terms: Terms) -> None:
        rest = f" and {len(batch) - 1} more" if len(batch) > 1 else ""
        who = ", ".join(filter(None, (f"{batch[0].name}{rest}", method.place)))
        value = f"objective {terms.total.mean().item():.4g}"
        advance(plan, reporter, f"{who}, iteration {done}, {value}", len(batch))

    found: Sequence[MeasuredImage | Exception] = []
    parts: Sequence[Sequence[Content]] = []
    no_memory = False
    try:
        found = method.make(batch, max(content.pending[method.name] for content in batch), report)
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        no_memory = out_of_memory(error)
        if not no_memory and not isinstance(error, ValueError | OSError):
            raise
        half = len(batch) // 2
        # Memory is a matter of how many; any other error of which one.
        parts = [batch[:half], batch[half:]] if no_memory else [[content] for content in batch]
        found = [RunError(plan.no_memory) if no_memory else error]
    # Not in the handler: until it is left, the error holds on to the memory of what failed.
    if parts and len(batch) > 1:
        if no_memory:
            text = f"no memory for {len(batch)} contents at once, so in halves"
            reporter.note(": ".join(filter(None, (plan.title, text))))
        for part in parts:
            make_all(plan, method, part, outcome, reporter)
        return
    for content, measured in zip(batch, found, strict=True):
        if isinstance(measured, Exception):
            outcome.fail(plan, content.name, method, measured)
        else:
            outcome.keep(plan, method, content, measured)


def advance(plan: Plan, reporter: Reporter, what: str, times: int = 1) -> None:
    """Steps of progress."""
    for _ in range(times):
        reporter.advance(label(plan, what))


def label(plan: Plan, what: str) -> str:
    """What progress calls a content, or an iteration of one."""
    return ", ".join(filter(None, (plan.title, what)))
