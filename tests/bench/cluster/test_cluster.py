"""`--engine ray`, on a real cluster of several node processes on this machine: the same values, whatever dies."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench import sr_quality, style_quality
from bench.cluster import connect as cluster_connect
from bench.cluster import pool as clusters
from bench.commands.sr_quality import sr_quality as sr_quality_command
from bench.config_file import Command
from bench.data import images
from bench.errors import MissingExtra, RunError, UserError
from bench.quality.config import config
from bench.storage.store import Store

ray = pytest.importorskip("ray", reason="needs ray: pip install 'perceptual-bench[cluster]'")
# Ray's own processes and sockets outlive what they were opened for.
pytestmark = pytest.mark.filterwarnings("ignore")
COUNT = 12
CALLABLE = '''
import os, pathlib, time
import torch

HERE = pathlib.Path(__file__).parent

class Enlarge:
    """Repeats pixels; what it does besides is said by files that lie beside it."""

    scale, channels = 4, None

    def __call__(self, lr):
        once = HERE / "die_once"
        if once.exists():
            once.unlink()
            os._exit(1)
        if (HERE / "slow").exists():
            time.sleep(0.3)
        if (HERE / "die_on_white").exists() and float(lr.min()) == 1.0:
            os._exit(1)
        return lr.repeat_interleave(4, -1).repeat_interleave(4, -2)

def enlarge():
    return Enlarge()
'''


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """A head that does no work, and two nodes of a core each."""
    from ray.cluster_utils import Cluster

    patch = pytest.MonkeyPatch()
    for name, value in cluster_connect.QUIET.items():
        patch.setenv(name, value)
    try:
        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        for _ in range(2):
            found.add_node(num_cpus=1)
        found.wait_for_nodes()
    except Exception as error:
        pytest.skip(f"Ray's node processes do not start on this machine: {error}")
    yield found
    found.shutdown()
    patch.undo()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eleven noisy images, a white one, a grey one, and a file that is no image."""
    rng = np.random.default_rng(0)
    for number in range(COUNT - 1):
        images.write(tmp_path / "set" / f"{number:02}.png", rng.integers(0, 256, (40, 52, 3), dtype=np.uint8))
    images.write(tmp_path / "set" / "white.png", np.full((40, 40, 3), 255, dtype=np.uint8))
    images.write(tmp_path / "set" / "grey.png", rng.integers(0, 256, (44, 44, 1), dtype=np.uint8))
    (tmp_path / "set" / "broken.png").write_bytes(b"no image")
    return tmp_path / "set"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "outside" / "enlarge.py"
    file.parent.mkdir()
    file.write_text(CALLABLE)
    return file


def score(folder: Path, model: Path, db: Path, *more: str) -> int:
    metrics = ("--metrics", "psnr", "ssim")
    models = ("--models", "bicubic", "sr-pixel", f"{model}:enlarge")
    return sr_quality.main([str(folder), *models, *metrics, "--db", str(db), *more])


def rows(db: Path, table: str = "scores") -> list[tuple[object, ...]]:
    """But for the run that made them; of pictures without their folder."""
    with Store(db) as store:
        columns, found = store.table(table)
    keep = [i for i, name in enumerate(columns) if name not in {"run", "file"}]
    return sorted(tuple(row[i] for i in keep) for row in found)


def pictures(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*.png"))}


def test_a_cluster_gives_the_values_and_pictures_of_this_process_bit_for_bit(
    running: Any, folder: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    score(folder, model, here / "r.db", "--images", str(here / "p"), "--json", str(here / "r.json"))
    printed = capsys.readouterr()
    cluster = ("--engine", "ray", "--address", running.address)
    score(
        folder, model, there / "r.db", "--images", str(there / "p"), "--json", str(there / "r.json"), *cluster
    )
    for table in ("scores", "failures", "pictures"):
        assert rows(there / "r.db", table) == rows(here / "r.db", table)
        assert rows(there / "r.db", table)
    assert (there / "r.json").read_bytes() == (here / "r.json").read_bytes()
    assert pictures(there / "p") == pictures(here / "p")
    said = capsys.readouterr()
    assert said.out.split("results:")[0].replace(str(there), "") == printed.out.split("results:")[0].replace(
        str(here), ""
    )
    assert sorted(line for line in said.err.splitlines() if "not scored" in line) == sorted(
        line for line in printed.err.splitlines() if "not scored" in line
    )
    with Store(there / "r.db") as store:
        engine = store.environment(1).facts["engine"]
    assert engine["name"] == "ray"
    assert [machine["nodes"] for machine in engine["machines"]] == [2]


def test_what_a_cluster_scored_is_not_scored_again(
    running: Any, folder: Path, model: Path, tmp_path: Path
) -> None:
    score(folder, model, tmp_path / "r.db", "--no-images")
    before = rows(tmp_path / "r.db")
    (model.parent / "die_on_white").touch()  # it would, if it were called
    cluster = ("--engine", "ray", "--address", running.address)
    score(folder, model, tmp_path / "r.db", "--no-images", *cluster)
    assert rows(tmp_path / "r.db") == before
    assert [row[1] for row in rows(tmp_path / "r.db", "failures")] == ["broken", "broken"]


def test_a_worker_killed_in_the_middle_costs_nothing(
    running: Any, folder: Path, model: Path, tmp_path: Path
) -> None:
    score(folder, model, tmp_path / "here.db", "--no-images")
    (model.parent / "die_once").touch()
    cluster = ("--engine", "ray", "--address", running.address)
    score(folder, model, tmp_path / "there.db", "--no-images", *cluster)
    assert not (model.parent / "die_once").exists()
    assert rows(tmp_path / "there.db") == rows(tmp_path / "here.db")
    assert rows(tmp_path / "there.db", "failures") == rows(tmp_path / "here.db", "failures")


def test_an_image_that_kills_every_worker_costs_itself_alone(
    running: Any, folder: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score(folder, model, tmp_path / "here.db", "--no-images")
    (model.parent / "die_on_white").touch()
    capsys.readouterr()
    cluster = ("--engine", "ray", "--address", running.address)
    score(folder, model, tmp_path / "there.db", "--no-images", *cluster)
    lost = {row[:6] for row in set(rows(tmp_path / "here.db")) - set(rows(tmp_path / "there.db"))}
    assert {(row[1], row[3]) for row in lost} == {("white", "enlarge")}
    assert "set x4 'white' (enlarge): not scored" in capsys.readouterr().err
    (model.parent / "die_on_white").unlink()
    score(folder, model, tmp_path / "there.db", "--no-images", *cluster)
    assert rows(tmp_path / "there.db") == rows(tmp_path / "here.db")


def test_a_node_killed_in_the_middle_costs_nothing(
    running: Any, folder: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score(folder, model, tmp_path / "here.db", "--no-images")
    (model.parent / "slow").touch()
    extra = running.add_node(num_cpus=1)
    running.wait_for_nodes()
    there = tmp_path / "there.db"

    def kill() -> None:
        """Once something was stored."""
        while not there.exists() or not rows(there):
            time.sleep(0.05)
        running.remove_node(extra, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    score(folder, model, there, "--no-images", "--engine", "ray", "--address", running.address)
    killer.join()
    assert rows(there) == rows(tmp_path / "here.db")
    assert rows(there, "failures") == rows(tmp_path / "here.db", "failures")


def test_a_model_that_is_another_on_a_node_is_refused(
    running: Any, folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.cluster import images as cluster_images

    real = cluster_images.BatchBuilder._job

    def changed(self: cluster_images.BatchBuilder, name: str) -> Any:
        model.with_suffix(".new").write_text(CALLABLE + "\n# a little later\n")
        model.with_suffix(".new").replace(model)
        return real(self, name)

    monkeypatch.setattr(cluster_images.BatchBuilder, "_job", changed)
    with pytest.raises(UserError, match=r"the model enlarge on .* has other code or weights"):
        sr_quality_command(
            config(
                datasets=[str(folder)],
                models=[f"{model}:enlarge"],
                metrics=["psnr"],
                db=tmp_path / "r.db",
                engine="ray",
                address=running.address,
            ),
            Command(),
        )


@pytest.mark.usefixtures("real_data")
def test_style_on_a_cluster_gives_the_curves_of_this_process_bit_for_bit(
    running: Any, folder: Path, tmp_path: Path
) -> None:
    arguments = ["--style", "la_muse", "--sizes", "48", "--images", str(folder), "--iterations", "3"]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for where, more in {"here": [], "there": ["--engine", "ray", "--address", running.address]}.items():
            db, out = tmp_path / f"{where}.db", tmp_path / where
            assert style_quality.main([*arguments, "--db", str(db), "--pictures", str(out), *more]) == 0
    finally:
        torch.set_num_threads(threads)
    assert curves(tmp_path / "there.db") == curves(tmp_path / "here.db")
    assert rows(tmp_path / "there.db", "failures") == rows(tmp_path / "here.db", "failures")
    assert pictures(tmp_path / "there") == pictures(tmp_path / "here")


def curves(db: Path) -> list[tuple[object, ...]]:
    """But for their seconds and the size of the batch."""
    with Store(db) as store:
        columns, found = store.table("curves")
    names = ("subject", "subject_hash", "image", "image_sha256", "protocol_hash", "terms")
    assert found
    return sorted(tuple(row[columns.index(name)] for name in names) for row in found)


def options(**changed: object) -> argparse.Namespace:
    return argparse.Namespace(**{"engine": "ray", "address": None, "device": "auto", **changed})


def refusal(asked: argparse.Namespace) -> str:
    with pytest.raises(UserError) as caught, cluster_connect.chosen(asked):
        pass
    return str(caught.value)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "nowhere.invalid:6379", "ray://127.0.0.1:1", "127.0.0.1:99999999"]
)
def test_an_address_where_nothing_answers_is_refused_at_once(address: str) -> None:
    assert f"no Ray cluster answers at {address!r}" in refusal(options(address=address))


def test_an_address_without_the_engine_is_refused() -> None:
    assert "needs --engine ray" in refusal(options(engine="local", address="x:1"))


def test_without_ray_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(MissingExtra, match=r"pip install 'perceptual-bench\[cluster\]'"),
        cluster_connect.chosen(options()),
    ):
        pass


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("cuda", "no node of the cluster has a GPU"),
        ("cuda:1", "Ray chooses which GPU"),
        ("mps", "must be auto, cpu"),
    ],
)
def test_a_device_that_a_cluster_cannot_give_is_refused(running: Any, device: str, reason: str) -> None:
    assert reason in refusal(options(address=running.address, device=device))


def test_another_version_on_a_node_is_refused(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.cluster.connect.suite", lambda: {"version": "99", "commit": None})
    assert "a node has perceptual-bench" in refusal(options(address=running.address))


def test_a_cluster_without_a_worker_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "LOST_SECONDS", -1.0)
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": False, "Resources": {"CPU": 1.0}}])
    with pytest.raises(RunError, match=r"has had no worker for .* what was scored is kept"):
        clusters.Cluster(gpus=False)._look()
