"""Times everything that the config names, a measurement after the other; each is stored with its provenance when done."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import torch

from baselines.descent import require_float64
from bench.cli import Reporter
from bench.errors import out_of_memory
from bench.records import Environment, SpeedResult
from bench.registry import catalog
from bench.registry.adapters.preserved_environment import preserved_environment
from bench.registry.catalog import LoadedModel
from bench.storage.store import Store
from bench.timing import GATYS, provenance, workloads
from bench.timing.card import card, is_current
from bench.timing.config import LONGEST_SECONDS, Config
from bench.timing.losses import losses
from bench.timing.provenance_record import TimingProvenance
from bench.timing.records import SpeedProtocol, Stopping
from bench.timing.rows import Row, gatys_rows, network_row
from bench.timing.stopwatch import TimingError, regions
from bench.timing.validation import valid_timings
from bench.variants import openvino_session, sweep
from bench.variants.build import Built, build, run, transformed
from bench.variants.variant import Variant, VariantUnavailable

TRANSFER_SECONDS = 2.0
WARMUP_OF_A_ROUND = 1


@dataclass(frozen=True, kw_only=True)
class SpeedRun:
    """Where measurements are made and where they go.

    Attributes:
        failed: why a network, variant, protocol and size have no time in this run; later rounds do not try them again.
        unfinished: by network and size, the row of those whose last round is to come.
    """

    config: Config
    device: torch.device
    environment: Environment
    store: Store
    run: int
    reporter: Reporter
    failed: dict[tuple[str, str, str, int], str] = field(default_factory=dict)
    unfinished: dict[tuple[str, int], Row] = field(default_factory=dict)

    def stored(
        self,
        subject: str,
        key: tuple[str, ...],
        size: int,
        engine: Mapping[str, Any] | None = None,
        *,
        turn: int = 0,
    ) -> SpeedResult | None:
        """The measurement of the same content by the same protocol on the same machine, unless it is to be repeated.

        Args:
            key: subject hash, variant, protocol hash.
            engine: versions of what computes it, where the environment does not state them.
            turn: the round that is asked for, from 0; what is to be repeated is begun anew in the first.
        """
        if self.config.force and turn == 0:
            return None
        for result in valid_timings(self.store, subject):
            known = (result.subject_hash, result.variant, result.protocol_hash)
            same = (known, result.size, result.environment_hash) == (key, size, self.environment.hash)
            if same and sweep.same_engine(result, engine or {}):
                return result
        return None

    def stored_card(self, model: LoadedModel, size: int) -> Mapping[str, Any] | None:
        """The card of the same content at the same size, from any timing on this kind of device with this torch.

        A card has no time in it: what it counts is the same on every such machine, and making one takes seconds.
        """
        if self.config.force:
            return None
        for result in valid_timings(self.store, model.name):
            found = result.certificate.get("card")
            facts = result.certificate["environment"]
            # some layers compute the same in another way on a CPU: more activations, more memory
            here = (str(facts.get("device")).partition(":")[0], facts.get("torch", {}).get("version"))
            same = (result.subject_hash, result.size, *here) == (
                model.hash,
                size,
                self.device.type,
                torch.__version__,
            )
            if same and found and is_current(found):
                return dict(found)
        return None

    @cached_property
    def loaded(self) -> Mapping[str, LoadedModel]:
        """Every network, opened once for all rounds.

        Raises:
            MissingFile: the weights of a model that was asked for are not to be had.
        """
        scale = self.config.scale
        return {
            name: catalog.load(name, scale=catalog.scale_of(name, scale), device=self.device)
            for name in self.config.models
            if name != GATYS
        }

    def keep(self, result: SpeedResult) -> SpeedResult:
        self.store.add(self.run, timings=[result])
        return result


def steps(config: Config) -> int:
    """Units of progress."""
    variants = len(sweep.STEPS) if config.sweep else 1
    # The optimisation: plain, and in a sweep also as its program runs it (`fast`).
    per_size = sum((1 + config.sweep) if model == GATYS else variants for model in config.models)
    networks = len(config.sizes) * (len(config.models) - (GATYS in config.models))
    return per_size * len(config.sizes) + (config.rounds - 1) * networks


def rows(bench: SpeedRun) -> Iterator[Row]:
    """Every row, as soon as it is known; what fails is a row that says why, and the next one is measured.

    Raises:
        MissingFile: the weights of a model that was asked for are not to be had.
        StoreError: the store cannot be written to.
    """
    # Before anything is timed: a missing file ends the run at once and not after an hour.
    _ = bench.loaded
    for turn in range(bench.config.rounds):
        yield from round_rows(bench, turn)


def round_rows(bench: SpeedRun, turn: int) -> Iterator[Row]:
    """One round, from 0, of everything; the last one has the rows of networks, the first those of the optimisation.

    Raises:
        MissingFile, StoreError: as :func:`rows`.
    """
    config = bench.config
    for size, model in itertools.product(config.sizes, config.models):
        if model != GATYS:
            for row in network_rows(bench, bench.loaded[model], size, turn):
                bench.unfinished[model, size] = row
                if turn == config.rounds - 1:
                    yield bench.unfinished.pop((model, size))
        elif turn == 0:
            yield from _gatys(bench, size)


def network_rows(bench: SpeedRun, model: LoadedModel, size: int, turn: int = 0) -> Iterator[Row]:
    """One network at one size, in each variant that the config asks for; after round `turn`, from 0."""
    measure = partial(_variant_result, bench, model, size, turn=turn)
    if not bench.config.sweep:
        yield _network_row(bench, model, size, Variant(), measure(Variant()))
        return
    if model.module is None:
        bench.reporter.note(f"{model.name} is not a torch.nn.Module: it has no variant but eager")
    for step in sweep.run_sweep(measure, only_eager=model.module is None):
        row = _network_row(bench, model, size, step.variant, step.result or step.reason)
        yield replace(row, rung=step.word, kept=step.kept)


def _network_row(
    bench: SpeedRun, model: LoadedModel, size: int, variant: Variant, found: SpeedResult | str
) -> Row:
    bench.reporter.advance(f"{model.name} {size} {variant.name}")
    if isinstance(found, SpeedResult):
        return network_row(found)
    return Row(
        method=model.name,
        size=size,
        variant=variant.name,
        device=str(bench.device),
        weights=model.weights,
        error=found,
    )


def _variant_result(
    bench: SpeedRun, model: LoadedModel, size: int, variant: Variant, *, turn: int = 0
) -> SpeedResult | str:
    """The stored result of a variant, or a new one, or a round more of it; a text that says why there is none."""
    bench.reporter.begin(f"{model.name} {size} {variant.name}")
    stopping = Stopping(time_limit_seconds=bench.config.time_limit)
    if bench.config.rounds > 1:
        stopping = replace(stopping, warmup=WARMUP_OF_A_ROUND)
    protocol = SpeedProtocol.of(
        variant,
        size=size // model.scale,
        threads=torch.get_num_threads(),
        stopping=stopping,
        rounds=bench.config.rounds,
    )
    key = (model.hash, variant.name, protocol.hash)
    if reason := bench.failed.get((*key, size)):
        return reason
    known = bench.stored(model.name, key, size, openvino_session.versions(variant), turn=turn)
    if known is None:
        found = _tried(bench, (*key, size), lambda: _time_variant(bench, model, size, variant, protocol))
    elif protocol.rounds > 1 and len(known.seconds) <= turn:
        found = _tried(bench, (*key, size), lambda: _time_round(bench, model, known, protocol, variant))
    else:
        if turn == 0:
            done = f"{len(known.seconds)} of {protocol.rounds} rounds " if protocol.rounds > 1 else ""
            note = f"{model.name} {size} {variant.name}: {done}already measured ({protocol.hash[:8]})"
            bench.reporter.note(note)
        found = known
    if isinstance(found, str) or "card" in found.certificate:
        return found
    if turn != protocol.rounds - 1 or not _with_card(bench, variant):
        return found
    # For this table alone: the stored timing stays as it was measured.
    made = _card(bench, model, workloads.example(model, size, bench.device), size)
    return replace(found, certificate={**found.certificate, "card": made})


def _tried(
    bench: SpeedRun, key: tuple[str, str, str, int], work: Callable[[], SpeedResult]
) -> SpeedResult | str:
    """What `work` measured, stored; or why it failed, which is remembered."""
    found = explained(lambda: bench.keep(work()), key[-1])
    if isinstance(found, str):
        bench.failed[key] = found
    return found


def explained(work: Callable[[], SpeedResult], size: int) -> SpeedResult | str:
    """What `work` returns, or why it could not: out of memory, no such variant here, a clock that cannot be trusted."""
    try:
        # External code may change threads, dtypes or seeds, on which the next timing depends.
        with preserved_environment():
            return work()
    except (VariantUnavailable, TimingError) as error:
        return str(error)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
    # Not in the handler: until it is left, the error holds on to the memory of what failed.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return f"out of memory at {size}x{size}"


def _time_variant(
    bench: SpeedRun, model: LoadedModel, size: int, variant: Variant, protocol: SpeedProtocol
) -> SpeedResult:
    image = workloads.example(model, size, bench.device)
    built = _built(model, variant, image)
    call, eager = built.call, built.eager
    with torch.inference_mode():
        # Outside of what is timed, on the image that is timed.
        output, plain = call(image).cpu(), _plain(model, image).cpu()
        _, record = provenance.time_work(
            lambda: call(image),
            protocol,
            device=str(bench.device),
            weights=model.weights,
            eager=lambda: eager(image),
            network=None if model.module is None else built.network,
        )
    record = replace(
        record,
        form=_facts(model, size, built, output, plain),
        transfers=_transfers(call, image),
        card=_card(bench, model, image, size) if _with_card(bench, variant) else None,
    )
    return _result(bench, model.name, (model.hash, variant.name, protocol.hash), size, record)


def _time_round(
    bench: SpeedRun, model: LoadedModel, known: SpeedResult, protocol: SpeedProtocol, variant: Variant
) -> SpeedResult:
    """A stored timing with one more round."""
    image = workloads.example(model, known.size, bench.device)
    call = _built(model, variant, image).call
    with torch.inference_mode():
        record = provenance.time_round(
            lambda: call(image), TimingProvenance.of(known), protocol, device=str(bench.device)
        )
    key = (known.subject_hash, known.variant, known.protocol_hash)
    return _result(bench, known.subject, key, known.size, record)


def _facts(
    model: LoadedModel, size: int, built: Built, output: torch.Tensor, plain: torch.Tensor
) -> sweep.VariantFacts:
    """How close a variant's picture is to plain float32's, and what else is to be said of it."""
    allowed = sweep.tolerance(model.kind, built.variant)
    facts = sweep.facts(sweep.closeness(output, plain), allowed, built.seconds)
    if built.variant == Variant():  # it loses nothing against itself
        return facts
    return replace(
        facts,
        **losses(output, plain, workloads.truth(model, size)),
        calibration=built.calibration or None,
        engine=openvino_session.versions(built.variant) or None,
    )


def _with_card(bench: SpeedRun, variant: Variant) -> bool:
    """A card is of the network, not of a variant: it comes with the plain one."""
    return bench.config.card and variant == Variant()


def _card(bench: SpeedRun, model: LoadedModel, image: torch.Tensor, size: int) -> Mapping[str, Any]:
    return bench.stored_card(model, size) or card(model, image)


def _plain(model: LoadedModel, image: torch.Tensor) -> torch.Tensor:
    """What plain eager float32 makes of `image`, whatever layout the network comes in."""
    if model.module is None:
        output: torch.Tensor = model.network(image)
        return output
    plain = Variant()
    return run(transformed(model.module, plain), plain, image)


def _transfers(call: Any, image: torch.Tensor) -> dict[str, Any]:
    """Seconds of the ways to a device and back, which no row of a table holds; none on a CPU."""
    if image.device.type == "cpu":
        return {}
    found = regions(
        call, image.cpu(), device=str(image.device), stopping=Stopping(time_limit_seconds=TRANSFER_SECONDS)
    )
    return {
        region: {"seconds": t.median, "ci95": t.ci95} for region, t in found.items() if region != "network"
    }


def _built(model: LoadedModel, variant: Variant, image: torch.Tensor) -> Built:
    """The network in a variant; what is no module is called as it is."""
    if model.module is None:
        call: Any = model.network
        return Built(variant=variant, call=call, eager=call, network=call, seconds=0.0)
    return build(model.module, variant, image)


def _gatys(bench: SpeedRun, size: int) -> Iterator[Row]:
    for fast in (False, True) if bench.config.sweep else (False,):
        bench.reporter.begin(f"gatys {size} {_variant(fast)}")
        found = _gatys_result(bench, size, fast)
        bench.reporter.advance(f"gatys {size} {_variant(fast)}")
        if isinstance(found, SpeedResult):
            yield from gatys_rows(found, bench.config.iterations)
            continue
        for count in bench.config.iterations:
            yield Row(
                method=GATYS,
                size=size,
                variant=_variant(fast),
                device=str(bench.device),
                weights="",
                iterations=count,
                error=found,
            )


def _variant(fast: bool) -> str:
    return "fast" if fast else "eager"


def _whole_run(bench: SpeedRun) -> bool:
    # On a CPU 500 iterations can take hours (docs/speed.md).
    return bench.config.full or bench.device.type != "cpu"


def _gatys_result(bench: SpeedRun, size: int, fast: bool) -> SpeedResult | str:
    protocol = _gatys_protocol(bench, size, fast)
    key = (workloads.gatys_hash(), _variant(fast), protocol.hash)
    known = bench.stored(GATYS, key, size)
    if known is not None:
        bench.reporter.note(f"gatys {size} {_variant(fast)}: already measured ({protocol.hash[:8]})")
        return known
    return explained(lambda: bench.keep(_time_gatys(bench, size, fast, protocol)), size)


def _gatys_protocol(bench: SpeedRun, size: int, fast: bool) -> SpeedProtocol:
    """Of one iteration: as many as were asked for, or a sample, in twice a network's time since each takes longer."""
    count = max(bench.config.iterations)
    # Six: the fewest that have an interval.
    sample = Stopping(warmup=1, min_repeats=6, time_limit_seconds=2 * bench.config.time_limit)
    # As many as asked for, however soon the interval is narrow; one or more iterations come before them, untimed or apart,
    # as in every other timing: what the first call allocates is no part of a run that is compared with a network's call.
    whole = Stopping(warmup=0, min_repeats=count, max_repeats=count, time_limit_seconds=LONGEST_SECONDS)
    stopping = whole if _whole_run(bench) else sample
    graph = fast and bench.device.type == "cuda"
    plain = SpeedProtocol.of(
        Variant(graph=graph), size=size, threads=torch.get_num_threads(), stopping=stopping
    )
    return replace(plain, timed_region=("iteration",), fast=fast)


def _time_gatys(bench: SpeedRun, size: int, fast: bool, protocol: SpeedProtocol) -> SpeedResult:
    whole = _whole_run(bench)
    try:
        require_float64(bench.device)
    except ValueError as error:
        raise VariantUnavailable(str(error)) from error
    work = workloads.optimisation(size, bench.device, fast=fast, settled=not whole)
    _, record = provenance.time_work(
        work.iterate,
        protocol,
        device=str(bench.device),
        weights=work.weights,
        eager=work.eager,
        network=work.network,
    )
    key = (workloads.gatys_hash(), _variant(fast), protocol.hash)
    return _result(bench, GATYS, key, size, replace(record, whole_run=whole))


def _result(
    bench: SpeedRun, subject: str, key: tuple[str, str, str], size: int, record: TimingProvenance
) -> SpeedResult:
    subject_hash, variant, protocol_hash = key
    return SpeedResult(
        subject=subject,
        subject_hash=subject_hash,
        variant=variant,
        size=size,
        protocol_hash=protocol_hash,
        environment_hash=bench.environment.hash,
        seconds=record.timing.seconds,
        certificate=record.to_json(),
    )
