"""The appendix of the PDF on protocols and machines, as a section like all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.load.results import SHORT, Provenance, Results
from reports.parts import Cell, Head, Section, Table

MEANING: Mapping[str, str] = {
    "scale": "integer ratio of HR to LR",
    "colour": "what is degraded and what a model sees",
    "arithmetic": "of the resize that makes LR: uint8 rounds after each pass, float never",
    "border": "taps outside the image: symmetric mirrors, replicate clamps",
    "blur_sigma": "Gaussian blur of HR before the resize, in HR pixels; 0 for none",
    "quantize": "SR is rounded to 8 bits before it is measured",
    "channel": "what PSNR and SSIM are measured on: BT.601 studio-range luma (y) or RGB",
    "shave": "pixels cut from each side before measuring",
    "ssim_window": "weights of the local statistics, and where they are averaged",
    "mean": "a data set's value is the mean of its images' values",
    "size": "side of the square input, in pixels",
    "threads": "of torch's CPU kernels",
    "batch": "images per call",
    "dtype": "of weights and activations",
    "memory_format": "order of the axes in memory",
    "backend": "what runs the network",
    "folded": "batch normalisation is folded into the convolutions",
    "compiled": "by torch.compile",
    "graph": "replayed as a CUDA graph",
    "timed_region": "what one timed call does",
    "warmup": "calls after the first that are kept apart",
    "min_repeats": "fewest calls that are timed",
    "max_repeats": "most calls that are timed",
    "target_ci": "timing stops when half the 95 % interval of the median is this share of it",
    "time_limit_seconds": "of warm-up and repetitions together",
    "style": "name of the style image",
    "style_sha256": "of the style image's file",
    "style_size": "its longer side, in pixels",
    "loss_network": "the network whose features are compared",
    "loss_weights": "the file that its weights are from",
    "content_layers": "features compared with the content's",
    "style_layers": "Gram matrices compared with the style's",
    "content_weight": "of the content's term",
    "style_weight": "of the style's term",
    "tv_weight": "of the total variation of the image in 0 to 255",
    "style_distance": "mean averages the entries of a Gram matrix, sum adds them",
    "fit": "how a content becomes a square",
}


def methods(results: Results) -> Section:
    """Every protocol that a number was measured under, and every machine that measured."""
    groups = {
        kind: [c for c in results.provenance.values() if _kind(c) == kind]
        for kind in ("scoring", "speed", "style")
    }
    tables = [table for kind, own in groups.items() if own for table in _protocols(kind, own)]
    return Section(
        id="protocols",
        title="Protocols and machines",
        text=(
            "A protocol is a frozen record; its hash is taken over all that changes a number, so numbers can be "
            "compared when their hashes are equal. Times can be compared when protocol and machine are equal. "
            "Raw values are stored; means, medians and intervals are computed from them for this report.",
        ),
        tables=(*tables, *_machines(results)),
    )


def _kind(record: Provenance) -> str:
    if record.protocol == "speed":
        return "speed"
    return "style" if "style_layers" in record.definition else "scoring"


def _protocols(kind: str, records: Sequence[Provenance]) -> Iterator[Table]:
    found = {c.protocol_hash: c for c in records}  # thousands of numbers have a few definitions
    names = list(dict.fromkeys(name for c in found.values() for name in c.definition))
    values = {name: [_words(c.definition.get(name)) for c in found.values()] for name in names}
    equal = [name for name in names if len(set(values[name])) == 1]
    differing = [name for name in names if name not in equal]
    if equal:
        yield Table(
            id=f"protocols-{kind}",
            title=f"What the {kind} protocols share" if differing else f"The {kind} protocol",
            caption=", ".join(f"{c.protocol} ({c.protocol_hash[:SHORT]})" for c in found.values()) + ".",
            heads=heads("field", "value", "meaning"),
            rows=tuple(row(name, values[name][0], MEANING.get(name, "")) for name in equal),
        )
    if differing:
        yield Table(
            id=f"protocols-{kind}-unlike",
            title=f"Where the {kind} protocols differ",
            caption=" ".join(f"{name}: {MEANING[name]}." for name in differing if name in MEANING),
            heads=heads("protocol", "hash", *differing),
            rows=tuple(
                row(c.protocol, c.protocol_hash[:SHORT], *(values[name][i] for name in differing))
                for i, c in enumerate(found.values())
            ),
        )


def _machines(results: Results) -> Iterator[Table]:
    if not results.environments:
        return
    yield Table(
        id="machines",
        title="Machines and versions",
        caption="The hash is taken over all facts, the suite's commit among them; M1, M2 and so on stand for it in the "
        "list of commands.",
        heads=heads("machine", "hash", "hardware", "software", "suite"),
        rows=tuple(
            row(f"M{i}", digest[:SHORT], hardware(facts), software(facts), _suite(facts))
            for i, (digest, facts) in enumerate(results.environments.items(), 1)
        ),
    )


def hardware(facts: Mapping[str, Any]) -> str:
    """`Intel Xeon 2.50GHz, 2 cores (AVX512), 23.5 GiB memory, no GPU`."""
    cpu = _mapping(facts, "cpu")
    cores = cpu.get("cores_allowed", cpu.get("cores_physical", "unknown number of"))
    kernels = f" ({cpu['kernels']})" if cpu.get("kernels") else ""
    named = f"{cores} core{'s' if cores != 1 else ''}{kernels}"
    parts = [str(cpu.get("model", "unknown processor")), named, _memory(facts, "memory")]
    gpu = _mapping(facts, "gpu")
    if gpu:
        others = f" (one of {gpu['count']})" if gpu.get("count", 1) != 1 else ""
        parts += [f"{gpu.get('name', 'unknown GPU')}{others}", _memory(gpu, "GPU memory")]
    else:
        parts.append("GPU not used" if _mapping(facts, "torch").get("accelerators") else "no GPU")
    return ", ".join(parts)


def software(facts: Mapping[str, Any]) -> str:
    """Operating system, Python, torch, GPU libraries and packages, each with its version."""
    torch, system, gpu = (_mapping(facts, name) for name in ("torch", "system", "gpu"))
    versions = {
        "Python": facts.get("python"),
        "torch": torch.get("version"),
        "CUDA": gpu.get("cuda"),
        "cuDNN": gpu.get("cudnn"),
        "driver": gpu.get("driver"),
        **_mapping(facts, "packages"),
    }
    named = [f"{name} {version}" for name, version in versions.items() if version is not None]
    kernel = f", kernel {system['kernel']}" if system.get("kernel") else ""
    threads = f"{torch['threads']} threads" if torch.get("threads") else ""
    return "; ".join(
        part
        for part in (f"{system.get('name', 'unknown system')}{kernel}", ", ".join(named), threads)
        if part
    )


def _suite(facts: Mapping[str, Any]) -> str:
    suite = _mapping(facts, "suite")
    commit, _, dirty = str(suite.get("commit") or "no commit").partition("-")
    # Only a full hash is shortened: the field may also say "no commit" or any text of a third-party file.
    return f"{suite.get('version', 'unknown')}, {commit[:SHORT] if len(commit) == 40 else commit}{dirty and '-' + dirty}"


def _memory(facts: Mapping[str, Any], what: str) -> str:
    size = facts.get("memory_bytes")
    return f"{size / 2**30:.1f} GiB {what}" if isinstance(size, int | float) else f"unknown {what}"


def _words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    return str(value)


def _mapping(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Facts come from files: whatever is not a mapping is as good as absent."""
    value = facts.get(name)
    return value if isinstance(value, Mapping) else {}


def heads(*texts: str) -> tuple[Head, ...]:
    """Columns of text."""
    return tuple(Head(text=text, numeric=False) for text in texts)


def row(*texts: str) -> tuple[Cell, ...]:
    """Cells without marks."""
    return tuple(Cell(text=text) for text in texts)
