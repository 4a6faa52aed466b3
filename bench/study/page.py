"""A planned study to a folder: the page for the workers, and the key for the one who scores."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from bench.cli import Reporter
from bench.errors import UserError
from bench.study.answers import FORMAT, VERSION
from bench.study.config import PageTexts
from bench.study.images import read_stored_image
from bench.study.key import Study, read_key
from bench.study.plan import Plan, ShownImage

NO_TEXTS = PageTexts()


def write_study(
    planned: Plan, out: Path, reporter: Reporter, *, texts: PageTexts = NO_TEXTS, force: bool = False
) -> None:
    """`out/page/` with `index.html` and `images/`, and `out/key.json` beside it.

    Pictures are written anew, so that no time stamp and no remark in a file says what made it.

    Args:
        texts: texts of one's own that the page shows; they are no part of the study's hash.
        force: replace the study that is in `out`.

    Raises:
        UserError: `out` is in use by something else, or by a study and `force` is not given.
    """
    page, key = out / "page", out / "key.json"
    _refuse(out, force=force)
    # The key first: what a killed build leaves is known by it as a study, and --force may replace it.
    planned.study.write_key(key)
    shutil.rmtree(page, ignore_errors=True)
    (page / "images").mkdir(parents=True)
    for name, shown in planned.shown.items():
        reporter.begin(name)
        _enlarged(shown).save(page / "images" / f"{name}.png")
        reporter.advance(name)
    (page / "index.html").write_text(html(planned.study, texts), encoding="utf-8", newline="\n")


def _refuse(out: Path, *, force: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir():
        raise UserError(f"--out {str(out)!r} is a file; must be a folder")
    if not force:
        raise UserError(f"--out {str(out)!r} is not empty; must be an empty or new folder, or --force")
    read_key(out / "key.json")  # what is replaced is a study, and nothing else of the user's


def _enlarged(shown: ShownImage) -> Image.Image:
    """Its pixels alone, each repeated."""
    picture = read_stored_image(shown.file)
    width, height = picture.size
    # A new image has none of the file's text chunks, which may say what made it.
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    return bare.resize((width * shown.enlarge, height * shown.enlarge), Image.Resampling.NEAREST)


def html(study: Study, texts: PageTexts = NO_TEXTS) -> str:
    """The page: no name of a model, an image or a data set is in it, and no attention check is marked."""
    templates = Environment(loader=PackageLoader("bench"), autoescape=True, undefined=StrictUndefined)
    catch = any(trial.right is not None for trial in study.trials)
    return templates.get_template("preference.html").render(
        n=len(study.trials),
        catch=catch,
        instructions=_paragraphs(texts.instructions),
        consent=_paragraphs(texts.consent),
        code=texts.completion_code,
        data=_data(study),
    )


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]


def _data(study: Study) -> dict[str, Any]:
    """What the page's program needs, by blocks."""
    blocks: dict[int, list[dict[str, Any]]] = {}
    for trial in study.trials:
        blocks.setdefault(trial.block, []).append(
            {
                "trial": trial.id,
                "reference": trial.reference,
                "pictures": list(trial.pictures),
                "size": list(trial.size),
            }
        )
    return {
        "format": FORMAT,
        "version": VERSION,
        "study": study.hash,
        "blocks": list(blocks.values()),
    }
