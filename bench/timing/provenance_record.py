"""The provenance of a timing: all that it depends on, as one record; written and read as JSON here alone. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bench.data.untrusted import parse_as
from bench.records import SpeedResult, content_hash
from bench.timing.records import Timing
from bench.variants.sweep import LATER_FACTS, VariantFacts

ONLY_OF_NETWORKS = ("form", "transfers", "card")


@dataclass(frozen=True, kw_only=True)
class PeakMemory:
    """Of one call. What is counted differs between a GPU and a CPU: `meaning` says it."""

    bytes: int | float | None
    meaning: str = ""


@dataclass(frozen=True, kw_only=True)
class TimingProvenance:
    """What a timing depends on, field by field as the JSON in a results file has it.

    What no number is computed from has a default: a file of another version may lack it, and what such a file has besides
    is not read.

    Attributes:
        protocol: definition of :class:`bench.timing.records.SpeedProtocol`.
        seconds, ci95: median of the repetitions and its interval, as they stood when it was made.
        timing: raw repetitions.
        parameters: of the network; None for what is none.
        flops: of one call; None where none are counted, as then of `flops_per_second` and `share_of_peak`.
        peak: this machine's fastest matrix product (:class:`bench.timing.peak.Peak`).
        float32: how exactly it is computed; see :func:`bench.timing.provenance.float32_settings`.
        gpu_before, gpu_after: state of the GPU (:func:`bench.devices.gpu_state`); None on a CPU.
        environment: the machine's facts, `device` among them.
        weights: where they come from, in words.
        form: how close the variant is to plain float32; None for the optimisation, which has none.
        transfers: seconds of the ways to a device and back; None for the optimisation.
        whole_run: of an optimisation: the repetitions are as many iterations as a whole run has, in order, from its third
            on: the first call (`first_seconds`) and the one that a repetition's length is found by come before.
        card: what the network is made of (:mod:`bench.timing.card`); None where that was not asked for.
    """

    protocol: Mapping[str, Any]
    protocol_hash: str = ""
    seconds: float | None = None
    ci95: tuple[float, float] | None = None
    timing: Timing
    peak_memory: PeakMemory
    parameters: int | None = None
    flops: int | None = None
    flops_meaning: str = ""
    flops_per_second: float | None = None
    peak: Mapping[str, Any] | None = None
    share_of_peak: float | None = None
    threads: int | None = None
    float32: Mapping[str, Any] | None = None
    gpu_before: Mapping[str, Any] | None = None
    gpu_after: Mapping[str, Any] | None = None
    environment: Mapping[str, Any]
    environment_hash: str = ""
    warnings: tuple[str, ...]
    weights: str
    form: VariantFacts | None = None
    transfers: Mapping[str, Any] | None = None
    whole_run: bool = False
    card: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        # both are hashed by whoever compares machines, and a hash takes finite numbers alone
        content_hash({"environment": self.environment, "protocol": self.protocol})
        for name, value, kind in (
            ("environment: device", self.environment.get("device"), str),
            ("protocol: size", self.protocol.get("size", 0), int),
        ):
            # Not isinstance, for which True is an int and passes.
            if type(value) is not kind:
                raise ValueError(f"{name} is {ascii(value)[:60]}; must be {kind.__name__}")

    @property
    def device(self) -> str:
        """That it was timed on."""
        device: str = self.environment["device"]
        return device

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        fields = asdict(self)
        # Lists, as JSON gives them back: a stored record is written again to the byte.
        fields["ci95"] = self.ci95 and list(self.ci95)
        fields["warnings"] = list(self.warnings)
        if not self.timing.rounds:  # timings in one block are written as before there were rounds
            del fields["timing"]["rounds"]
        if self.form is not None:
            form = {**fields["form"], "calibration": self.form.calibration and list(self.form.calibration)}
            fields["form"] = {k: v for k, v in form.items() if not (k in LATER_FACTS and v is None)}
        return {k: v for k, v in fields.items() if not (k in ONLY_OF_NETWORKS and v is None)}

    @classmethod
    def of(cls, result: SpeedResult) -> TimingProvenance:
        """That of a stored timing.

        Raises:
            ValueError, ArithmeticError: it lacks what is read of it, or has it of another type or out of range.
        """
        stored = result.certificate
        known = {name: stored[name] for name in cls.__dataclass_fields__ if name in stored}
        if isinstance(form := known.get("form"), Mapping):
            known["form"] = {name: form[name] for name in VariantFacts.__dataclass_fields__ if name in form}
        return parse_as(cls, known, "the provenance")
