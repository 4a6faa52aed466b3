"""The page in a browser: every choice is kept, saved and scored as it was made, and nothing leaves the machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench import preference as program
from bench.study.answers import Answers, read_answers
from bench.study.key import Study, read_key
from bench.study.result import read_result
from tests.browser_reload import reload
from tests.stores import fill

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser import OpenPage

pytest_plugins = ["tests.browser"]
NASTY = "<img src=x onerror=alert(1)>"
MODELS = ("plain", NASTY)
SETTLE_MS = 320
# The second click of a double click, at the very moment at which the next pair can be chosen.
CLICK_AND_CLICK_WHAT_FOLLOWS = """() => new Promise((done) => {
  const button = document.getElementById("choose-first");
  new MutationObserver(() => {
    if (document.body.dataset.state !== "ready") return;
    button.disabled = false;
    button.click();
    done();
  }).observe(document.body, { attributes: true });
  button.click();
})"""
Prefers = Callable[[str, str], int]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two models on four images with two attention checks: six pairs."""
    made = tmp_path_factory.mktemp("study")
    images = [NASTY, "b", "c", "d"]
    fill(made / "r.db", levels=dict.fromkeys(MODELS, 0.0), images=images, pictures=made / "pictures")
    arguments = ["build", *MODELS, "--dataset", "set5", "--db", str(made / "r.db"), "--attention-checks", "2"]
    assert program.main([*arguments, "--out", str(made / "study")]) == 0
    return made / "study"


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return read_key(folder / "key.json")


@pytest.fixture
def index(folder: Path) -> Path:
    return folder / "page" / "index.html"


def ready(page: Page) -> tuple[str, str]:
    """Opaque names of the two pictures that are shown, once they can be chosen."""
    page.wait_for_selector("body[data-state=ready]")
    page.wait_for_timeout(SETTLE_MS)
    first, second = (page.get_attribute(f"#{side}", "src") or "" for side in ("first", "second"))
    return Path(first).stem, Path(second).stem


def prefer(study: Study, model: str) -> Prefers:
    """0 or 1: the side of `model`, or of the right picture."""
    owner = {name: made for trial in study.trials for name, made in trial.pictures.items()}
    return lambda first, second: int(owner[second] in {model, "hr"})


def vote(page: Page, prefers: Prefers, times: int, *, mouse: bool = False) -> None:
    for _ in range(times):
        which = prefers(*ready(page))
        before = page.inner_text("#count")
        if mouse:
            page.click(("#choose-first", "#choose-second")[which])
        else:
            page.keyboard.press(("ArrowLeft", "ArrowRight")[which])
        page.wait_for_function(
            "before => document.body.dataset.state === 'done' || document.getElementById('count').innerText !== before",
            arg=before,
        )


def saved(page: Page, study: Study, file: Path, button: str = "#save") -> Answers:
    """What the button saves, read as strictly as the scoring does."""
    with page.expect_download() as download:
        page.click(button)
    assert download.value.suggested_filename.startswith(f"answers-{study.hash[:8]}-")
    download.value.save_as(file)
    return read_answers(file, study.hash, {trial.id: trial for trial in study.trials})


def test_what_was_voted_for_is_what_is_scored(
    open_page: OpenPage, index: Path, study: Study, tmp_path: Path
) -> None:
    files = []
    for worker, mouse in (("ann", False), ("bob", True)):
        with open_page(index, query=f"worker={worker}") as page:
            page.click("#start")
            vote(page, prefer(study, NASTY), 3, mouse=mouse)
            reload(page)
            assert page.inner_text("#count") == "Pair 4 of 6"
            vote(page, prefer(study, NASTY), 3, mouse=not mouse)
            assert "You answered 6 of 6 pairs" in page.inner_text("#summary")
            files.append(tmp_path / f"{worker}.json")
            found = saved(page, study, files[-1])
            assert found.worker == worker
            assert {answer.trial for answer in found.answers} == {trial.id for trial in study.trials}
            assert all(answer.seconds >= 0.3 for answer in found.answers)
            reload(page)
            assert page.is_visible("#done")
    out = ["--key", str(index.parents[1] / "key.json"), "--json", str(tmp_path / "out.json")]
    assert program.main(["score", *map(str, files), *out]) == 0
    result = read_result(tmp_path / "out.json")
    assert [ranked.model for ranked in result.ranking] == [NASTY, "plain"]
    assert (result.n_workers, result.n_votes, result.pairs[0].prefer_b) == (2, 8, 4)


def test_nothing_is_chosen_by_default_by_enter_by_a_held_key_or_by_a_double_click(
    open_page: OpenPage, index: Path, study: Study
) -> None:
    with open_page(index) as page:
        page.click("#start")
        first = ready(page)
        assert page.evaluate("document.activeElement === document.body")
        for key in ("Enter", "Space", "Alt+ArrowRight", "Control+ArrowLeft", "Shift+ArrowLeft"):
            page.keyboard.press(key)
        page.evaluate("dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', repeat: true}))")
        assert ready(page) == first
        page.evaluate(CLICK_AND_CLICK_WHAT_FOLLOWS)
        assert page.inner_text("#count") == "Pair 2 of 6"
        ready(page)
        for key in ("Enter", "Space"):
            page.keyboard.press(key)
        assert page.inner_text("#count") == "Pair 2 of 6"


def test_the_last_choice_can_be_taken_back(
    open_page: OpenPage, index: Path, study: Study, tmp_path: Path
) -> None:
    with open_page(index) as page:
        page.click("#start")
        assert page.is_disabled("#undo")
        vote(page, lambda *_: 0, 1)
        first, second = ready(page)
        vote(page, lambda *_: 0, 1)
        page.click("#undo")
        assert ready(page) == (first, second)
        vote(page, lambda *_: 1, 1)
        found = saved(page, study, tmp_path / "a.json", button="#trial .save")
        assert [answer.choice for answer in found.answers][1:] == [second]
        vote(page, lambda *_: 1, 4)
        page.click("#back")
        assert page.inner_text("#count") == "Pair 6 of 6"


def test_each_worker_has_an_own_order_and_sides_and_meets_a_catch_trial_in_each_half(
    open_page: OpenPage, index: Path, study: Study
) -> None:
    trials = {trial.id: trial for trial in study.trials}
    orders, lefts = set(), []
    with open_page(index) as page:
        for worker in range(40):
            shown = page.evaluate("worker => order(worker)", f"w{worker}")
            orders.add(tuple(trial["trial"] for trial in shown))
            assert {trial["trial"] for trial in shown} == trials.keys()
            for half in (shown[:3], shown[3:]):
                assert sum(trials[trial["trial"]].right is not None for trial in half) == 1
            lefts += [trials[t["trial"]].pictures[t["pictures"][0]] for t in shown]
            assert shown == page.evaluate("worker => order(worker)", f"w{worker}")
    assert len(orders) > 20  # of 72 there are
    assert 0.35 < sum(model in {"plain", "hr"} for model in lefts) / len(lefts) < 0.65


def test_a_browser_makes_a_name_once_and_an_unfit_name_is_refused(open_page: OpenPage, index: Path) -> None:
    with open_page(index) as page:
        name = page.inner_text("#worker")
        assert len(name) == 16
        reload(page)
        assert page.inner_text("#worker") == name
    with open_page(index, query="worker=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E") as page:
        assert "a worker name that cannot be used" in page.inner_text("#problem")
        assert not page.is_visible("#start")


def test_answers_that_were_kept_but_are_damaged_do_not_count(
    open_page: OpenPage, index: Path, study: Study, tmp_path: Path
) -> None:
    place = f"preference/{study.hash}/answers/ann"
    trial = study.trials[0]
    sound = {
        "trial": trial.id,
        "choice": next(iter(trial.pictures)),
        "first": next(iter(trial.pictures)),
        "seconds": 1,
    }
    with open_page(index, query="worker=ann") as page:
        for content in (
            "{",
            "null",
            "7",
            json.dumps([None]),
            json.dumps([{"trial": "x"}, {**sound, "seconds": None}]),
        ):
            page.evaluate("([place, content]) => localStorage.setItem(place, content)", [place, content])
            reload(page)
            assert page.is_visible("#start") or page.inner_text("#count") == "Pair 1 of 6"
        page.evaluate(
            "([place, content]) => localStorage.setItem(place, content)", [place, json.dumps([sound, sound])]
        )
        reload(page)
        assert page.inner_text("#count") == "Pair 2 of 6"
        assert len(saved(page, study, tmp_path / "a.json", button="#trial .save").answers) == 1


def test_a_browser_that_keeps_nothing_says_so_and_can_still_be_used(
    open_page: OpenPage, index: Path, study: Study, tmp_path: Path
) -> None:
    blocked = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked'); }})"
    with open_page(index) as page:
        page.add_init_script(blocked)
        page.reload()
        assert "keeps nothing for this page" in page.inner_text("#problem")
        page.click("#start")
        vote(page, lambda *_: 1, len(study.trials))
        assert len(saved(page, study, tmp_path / "a.json").answers) == len(study.trials)


def test_a_picture_is_dragged_with_the_mouse_and_the_others_follow(open_page: OpenPage, index: Path) -> None:
    with open_page(index, width=390, height=300) as page:
        page.click("#start")
        ready(page)
        page.click("[data-zoom='4']")
        before = page.evaluate("panes.map((p) => p.scrollTop)")
        box = page.locator(".pane").nth(1).bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 20, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 20, box["y"] + 25, steps=3)
        page.mouse.up()
        page.mouse.move(box["x"] + 20, box["y"])
        page.wait_for_function("(top) => panes.every((p) => p.scrollTop === top)", arg=before[0] + 15)
        page.keyboard.press("Shift+ArrowDown")
        page.wait_for_function("() => new Set(panes.map((p) => p.scrollTop)).size === 1")
        assert page.inner_text("#count") == "Pair 1 of 6"


def test_the_pictures_grow_and_move_together(open_page: OpenPage, index: Path) -> None:
    with open_page(index, width=390, height=300) as page:
        page.click("#start")
        ready(page)
        for expected in (48, 96, 192):
            page.keyboard.press("z")
            assert (
                page.evaluate("[...document.querySelectorAll('.pane img')].map((i) => i.width)")
                == [expected] * 3
            )
        page.evaluate("setZoom(1)")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        # One is moved before the browser has told of the moves that the new size brought.
        page.evaluate(
            "() => { setZoom(4); document.getElementById('second').parentElement.scrollTo(20, 30); }"
        )
        page.wait_for_function("() => document.getElementById('reference').parentElement.scrollTop === 30")
        lefts = page.evaluate(
            "[...document.querySelectorAll('.pane')].map((p) => [p.scrollLeft, p.scrollTop])"
        )
        assert lefts[0] == lefts[1] == lefts[2]
        assert (
            page.evaluate("getComputedStyle(document.getElementById('reference')).imageRendering")
            == "pixelated"
        )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844), (844, 390)])
def test_the_page_fits_its_window(
    open_page: OpenPage, index: Path, width: int, height: int, dark: bool
) -> None:
    with open_page(index, width=width, height=height, dark=dark, touch=width < 1000) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (background == "rgb(22, 24, 25)") is dark
        page.click("#start")
        ready(page)
        page.click("[data-zoom='4']")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = page.locator("#choose-second").bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
        assert box["height"] >= 44


@pytest.mark.parametrize(
    ("size", "window", "expected"),
    [
        ((256, 256), (1416, 675, False), {"way": "row", "scale": 2, "reference": 1}),
        ((480, 320), (1416, 675, False), {"way": "beside", "scale": 1, "reference": 1}),
        ((100, 100), (1416, 675, False), {"way": "row", "scale": 5, "reference": 2}),
        ((800, 600), (1416, 675, False), {"way": "beside", "scale": 0.75, "reference": 0.375}),
        ((256, 256), (366, 700, True), {"way": "stacked", "scale": 1, "reference": 0.5}),
    ],
)
def test_the_two_pictures_are_as_large_as_the_window_allows(
    open_page: OpenPage,
    index: Path,
    size: tuple[int, int],
    window: tuple[int, int, bool],
    expected: dict[str, object],
) -> None:
    with open_page(index) as page:
        found = page.evaluate("([size, window]) => fitting(size, ...window)", [size, window])
        assert found == pytest.approx(expected)


def test_a_picture_that_is_missing_is_said_and_can_be_left_out(
    open_page: OpenPage, index: Path, study: Study, tmp_path: Path
) -> None:
    shutil.copytree(index.parent, tmp_path / "page")
    trial = study.trials[0]
    (tmp_path / "page" / "images" / f"{next(iter(trial.pictures))}.png").unlink()
    said = []

    def leave_out() -> None:
        with open_page(tmp_path / "page" / "index.html") as page:
            page.click("#start")
            for _ in study.trials:
                page.wait_for_selector("body[data-state=ready], #skip:not([hidden])")
                if page.is_visible("#skip"):
                    said.append(page.inner_text("#trouble"))
                    page.keyboard.press("ArrowLeft")
                    page.click("#skip")
                else:
                    vote(page, lambda *_: 0, 1)
            said.append(page.inner_text("#summary"))

    with pytest.raises(AssertionError, match="failed request"):
        leave_out()
    assert "could not be loaded" in said[0]
    assert said[1:] == ["You answered 5 of 6 pairs. 1 could not be shown."]


def test_a_page_that_asks_for_something_or_fails_is_noticed(open_page: OpenPage, tmp_path: Path) -> None:
    for body, noticed in (
        ("<img src='http://127.0.0.1:9/x.png'>", "request: http://127.0.0.1:9/x.png"),
        ("<script>throw new Error('oh')</script>", "exception: "),
        ("<script>console.error('oh')</script>", "error: oh"),
        ("<script>alert('oh')</script>", "dialog: oh"),
        ("<img src='none.png'>", "failed request: "),
    ):
        (tmp_path / "bad.html").write_text(
            f"<!doctype html><link rel=icon href='data:,'>{body}", encoding="utf-8"
        )
        with pytest.raises(AssertionError, match=noticed), open_page(tmp_path / "bad.html") as page:
            page.wait_for_timeout(100)


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one pair, with texts and a code of one's own."""
    made = tmp_path_factory.mktemp("worded")
    fill(made / "r.db", levels=dict.fromkeys(MODELS, 0.0), images=["b"], pictures=made / "pictures")
    (made / "consent.txt").write_text("Data are kept for a year.\n\n<b>Agree?</b>", encoding="utf-8")
    (made / "instructions.txt").write_text("Use a large screen.", encoding="utf-8")
    texts = ["--consent", str(made / "consent.txt"), "--instructions", str(made / "instructions.txt")]
    arguments = ["build", *MODELS, "--dataset", "set5", "--db", str(made / "r.db"), "--attention-checks", "1"]
    assert (
        program.main([*arguments, *texts, "--completion-code", "C1 <A>", "--out", str(made / "study")]) == 0
    )
    return made / "study" / "page" / "index.html"


def test_nobody_starts_without_consent_and_the_code_is_shown_at_the_end(
    open_page: OpenPage, worded: Path
) -> None:
    with open_page(worded) as page:
        assert "Use a large screen." in page.inner_text("#intro")
        assert "<b>Agree?</b>" in page.inner_text("#intro")
        assert page.locator("#start").is_disabled()
        page.check("#consent")
        page.click("#start")
        for _ in range(2):
            page.wait_for_selector("body[data-state='ready']")
            assert not page.locator("#code").is_visible()
            page.wait_for_timeout(SETTLE_MS)
            page.locator(".results .pane").first.click()
        page.wait_for_selector("body[data-state='done']")
        assert page.inner_text("#code") == "Your completion code: C1 <A>"


def test_a_click_on_a_picture_chooses_it_and_a_drag_does_not(open_page: OpenPage, index: Path) -> None:
    with open_page(index) as page:
        page.click("#start")
        page.wait_for_selector("body[data-state='ready']")
        page.wait_for_timeout(SETTLE_MS)
        box = page.locator(".results .pane").last.bounding_box()
        assert box
        page.mouse.move(box["x"] + 20, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 5, box["y"] + 5, steps=3)
        page.mouse.up()
        assert page.inner_text("#count").startswith("Pair 1 ")
        page.locator(".results .pane").last.click()
        page.wait_for_function("() => document.getElementById('count').textContent.startsWith('Pair 2 ')")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--completion-code", "", "--completion-code must be 1 to 64 printable characters (got '')"),
        ("--completion-code", "a\nb", "printable characters"),
        ("--consent", "missing.txt", "--consent 'missing.txt': No such file"),
        ("--instructions", "empty.txt", "has 0 bytes"),
        ("--instructions", "binary.txt", "not UTF-8"),
    ],
)
def test_a_text_that_cannot_be_shown_is_refused(
    option: str,
    value: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    fill(tmp_path / "r.db", levels=dict.fromkeys(MODELS, 0.0), images=["b"], pictures=tmp_path / "pictures")
    arguments = ["build", *MODELS, "--dataset", "set5", "--db", "r.db", "--out", "study"]
    assert program.main([*arguments, option, value]) != 0
    assert message in capsys.readouterr().err
    assert not (tmp_path / "study").exists()
