"""The engine of `bench.style_quality`: batch after batch of contents, into the store.

Contents that lack something are collected until they fill a batch; a batch is one transaction, so a killed run loses
one at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import torch

from bench import images
from bench.cli import Reporter
from bench.datasets import LoadedImage
from bench.errors import RunError
from bench.executor import read_ahead
from bench.out_of_memory import out_of_memory
from bench.records import ImageFile
from bench.store import Store
from bench.styling.measure import (
    REPORT_EVERY,
    Measured,
    NotFinite,
    TimedNetwork,
    content_itself,
    mean_total,
    optimised,
    stylized,
)
from bench.styling.objective import square
from bench.styling.outcome import (
    Content,
    Outcome,
    failure,
    stored_iterations,
    stored_pictures,
    style_picture,
    take,
    write,
)
from bench.styling.plan import Plan
from bench.styling.summary import BASELINE, CONTENT
from models.losses import Terms


def steps(plan: Plan) -> int:
    """Of progress, for each content."""
    return 1 + (plan.baseline.iterations // REPORT_EVERY if plan.baseline else 0)


Submit = Callable[[Content], None]
Pool = Callable[["Engine"], AbstractContextManager[Submit]]
"""Where contents are measured: gives a place to hand them to, and keeps what comes of them."""


def measure(plan: Plan, store: Store, run: int, reporter: Reporter, pool: Pool) -> dict[str, str]:
    """Measure what the store does not have yet.

    Returns:
        SHA-256 of each content that could be read, by name: what the stored curves must belong to.

    Raises:
        StoreError: the store cannot be written to.
        OSError: a picture cannot be written; the curves are stored.
    """
    engine = Engine(plan, store, run, reporter)
    if plan.pictures:
        engine.keep(style_picture(plan))
    with pool(engine) as submit:
        for content in engine.contents():
            submit(content)
    return engine.hashes


@contextmanager
def in_batches(engine: Engine) -> Iterator[Submit]:
    """Here, a batch after the other."""
    waiting: list[Content] = []

    def do() -> None:
        batch, waiting[:] = list(waiting), []
        engine.keep(engine.do(batch))

    def submit(content: Content) -> None:
        waiting.append(content)
        if len(waiting) == engine.plan.batch:
            do()

    yield submit
    if waiting:
        do()


class Measuring:
    """One plan's contents on their way to what is stored of them."""

    def __init__(self, plan: Plan, reporter: Reporter) -> None:
        self.plan = plan
        self.reporter = reporter
        self.networks = [TimedNetwork(network=n, device=plan.device) for n in plan.networks]

    def do(self, contents: Sequence[Content]) -> Outcome:
        """Measure a batch."""
        outcome = Outcome()
        for content in contents:
            self.feed_forward(content, outcome)
            self.advance(content.image.stem, 1)
        waiting = [content for content in contents if BASELINE in content.lacking]
        if waiting:
            self.optimise(waiting, outcome)
        self.advance(contents[-1].image.stem, (steps(self.plan) - 1) * (len(contents) - len(waiting)))
        return outcome

    def feed_forward(self, content: Content, outcome: Outcome) -> None:
        """The content itself and every network. Whatever a network does wrong costs it this content, not the run."""
        plan, pixels = self.plan, content.square.to(self.plan.device)
        ways: dict[str, Callable[[], Measured]] = {CONTENT: partial(content_itself, plan, pixels)}
        ways |= {n.network.name: partial(stylized, plan, n, pixels) for n in self.networks}
        for subject in (subject for subject in ways if subject in content.lacking):
            try:
                take(outcome, plan, content, subject, ways[subject]())
            except Exception as error:
                outcome.failures.append(failure(plan, content.image, subject, error))

    def optimise(self, contents: Sequence[Content], outcome: Outcome) -> None:
        """All at once; where memory runs out, in two halves."""
        found: Sequence[Measured | RunError] | None = None
        try:
            found = self.in_one(contents)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        if found is None and len(contents) > 1:
            half = len(contents) // 2
            self.reporter.note(
                f"{self.plan.title}: no memory for {len(contents)} contents at once, so in halves"
            )
            self.optimise(contents[:half], outcome)
            self.optimise(contents[half:], outcome)
            return
        for content, measured in zip(contents, found or [RunError("out of memory")], strict=True):
            if isinstance(measured, Measured):
                take(outcome, self.plan, content, BASELINE, measured)
            else:
                outcome.failures.append(failure(self.plan, content.image, BASELINE, measured))

    def in_one(self, contents: Sequence[Content]) -> Sequence[Measured | NotFinite]:
        """
        Raises:
            RuntimeError, MemoryError: among others, that memory ran out.
        """

        def say(done: int, terms: Terms) -> None:
            first, rest = contents[0].image.stem, len(contents) - 1
            who = f"{first} and {rest} more" if rest else first
            self.advance(f"{who}, iteration {done}, objective {mean_total(terms):.4g}", len(contents))

        pixels = torch.cat([content.square for content in contents]).to(self.plan.device)
        return optimised(self.plan, pixels, max(content.iterations for content in contents), say)

    def advance(self, label: str, times: int) -> None:
        for _ in range(times):
            self.reporter.advance(f"{self.plan.title}, {label}")


class Engine(Measuring):
    """One plan on its way into one store.

    Attributes:
        hashes: of the contents that could be read so far.
    """

    def __init__(self, plan: Plan, store: Store, run: int, reporter: Reporter) -> None:
        super().__init__(plan, reporter)
        self.store = store
        self.run = run
        self.iterations = {} if plan.force else stored_iterations(plan, store)
        self.pictures = stored_pictures(plan, store)
        self.hashes: dict[str, str] = {}

    def contents(self) -> Iterator[Content]:
        """Those that lack something."""
        for index, (image, loaded) in enumerate(read_ahead(self.plan.dataset.images)):
            content = None
            try:
                content = self.content(index, image, loaded)
            except (ValueError, OSError, MemoryError) as error:
                self.keep(Outcome(failures=[failure(self.plan, image, "", error)]))
            if content is None:
                self.advance(image.stem, steps(self.plan))
            else:
                yield content

    def content(self, index: int, image: ImageFile, loaded: LoadedImage | Exception) -> Content | None:
        """The content, or None where it lacks nothing.

        Raises:
            ValueError, OSError: it could not be read, or is too small for the loss network.
        """
        if isinstance(loaded, Exception):
            raise loaded
        plan, (h, w) = self.plan, loaded.pixels.shape[:2]
        if min(h, w) < plan.minimum:
            raise ValueError(f"it is {w}x{h}; required at least {plan.minimum} pixels per side")
        self.hashes[image.stem] = loaded.sha256
        pictured = plan.pictures is not None and index < plan.picture_limit
        lacking, iterations = self.lacking(image, loaded.sha256, pictured=pictured)
        if not lacking:
            return None
        return Content(
            image=image,
            sha256=loaded.sha256,
            square=square(images.to_tensor(loaded.pixels), plan.protocol.size),
            pictured=pictured,
            lacking=lacking,
            iterations=iterations,
        )

    def lacking(self, image: ImageFile, sha256: str, *, pictured: bool) -> tuple[tuple[str, ...], int]:
        """Subjects to be done of a content, and the iterations to do: a stored curve is never made shorter."""
        plan, found = self.plan, []
        wanted = most = plan.baseline.iterations if plan.baseline else 0
        for subject in plan.subjects:
            key = (image.stem, sha256, subject, plan.subject_hash(subject, sha256))
            done = self.iterations.get(key, -1)
            required = wanted if subject == BASELINE else 0
            if done < required or (pictured and key not in self.pictures):
                found.append(subject)
            most = max(most, done)
        return tuple(found), most

    def keep(self, outcome: Outcome) -> None:
        """Write and store, and name what failed."""
        write(outcome, self.store, self.run)
        for one in outcome.failures:
            who = f" ({one.model})" if one.model else ""
            self.reporter.note(f"{one.dataset} {one.image!r}{who}: not measured: {one.reason}")
