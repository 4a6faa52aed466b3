"""The site's search where its pages are opened as files: without a web server, and without a script of another host.

The theme searches in a worker. A browser starts none from a file's address, but does from a blob, so the worker's program
is kept in a script of the site too; the index, which cannot be fetched from a file's address either, is a script as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCRIPT = "search/offline.js"
SHIM = """\
// Written by docs/offline_search.py.
if (location.protocol === "file:" && "Worker" in window) {
  const program = PROGRAM;
  const Given = window.Worker;
  window.Worker = class extends Given {
    constructor(address, options) {
      const ours = String(address).includes("/workers/search.");
      super(ours ? URL.createObjectURL(new Blob([program], { type: "text/javascript" })) : address, options);
    }
  };
}
"""


def on_config(config: Any) -> Any:
    """Name the script before the theme's own; MkDocs calls it with the site's configuration."""
    config["extra"]["polyfills"] = [*config["extra"].get("polyfills", ()), SCRIPT]
    return config


def on_post_build(config: Any) -> None:
    """Write the two scripts beside the index.

    Raises:
        ValueError: the theme has another number of workers than one.
    """
    site = Path(config["site_dir"])
    workers = sorted((site / "assets" / "javascripts" / "workers").glob("search.*.js"))
    if len(workers) != 1:
        raise ValueError(f"the theme has {len(workers)} workers of its search; must be 1")
    program = json.dumps(workers[0].read_text(encoding="utf-8"))
    (site / SCRIPT).write_text(SHIM.replace("PROGRAM", program), encoding="utf-8")
    index = site / "search" / "search_index.json"
    index.with_suffix(".js").write_text(
        f"var __index = {index.read_text(encoding='utf-8')}", encoding="utf-8"
    )
