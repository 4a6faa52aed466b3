"""What a results file looks like inside, and what its errors mean for a user.

Files of users have these tables: names stay, a new column or table is an addition with a default (`ADDED`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bench.text import one_line

SCHEMA_VERSION = 1  # raised when older versions can no longer read a file: they refuse it then
APPLICATION_ID = 0x50_42_4E_43  # "PBNC": the file says whose it is
BUSY_SECONDS = 60.0  # EXPLANATIONS and docs say "a minute"

# `without rowid`: rows lie in the order of their long keys, which are then stored once and not twice.
SCHEMA = """
create table environments (hash text primary key, facts text not null);
create table protocols (hash text primary key, name text not null, definition text not null);
create table runs (
  id integer primary key, program text not null, command text not null, started text not null, finished text,
  environment text not null references environments (hash)
);
create table scores (
  dataset text not null, image text not null, image_sha256 text not null,
  model text not null, model_hash text not null, scale integer not null, protocol text not null,
  protocol_hash text not null references protocols (hash),
  metric text not null, metric_version text not null, value real not null, run integer not null references runs (id),
  primary key (dataset, protocol_hash, image, image_sha256, model, model_hash, metric, metric_version)
) without rowid;
create table failures (
  dataset text not null, image text not null, model text not null, scale integer not null, reason text not null,
  run integer not null references runs (id)
);
create table pictures (
  dataset text not null, protocol_hash text not null, image text not null, image_sha256 text not null,
  model text not null, model_hash text not null, file text not null, run integer not null references runs (id),
  pixels_sha256 text not null default '',
  primary key (dataset, protocol_hash, image, image_sha256, model, model_hash)
) without rowid;
"""
# Apart from the rest, so that a file from before there were such tables gets them when it is next written to.
ADDED = """
create table if not exists timings (
  subject text not null, subject_hash text not null, variant text not null, size integer not null,
  protocol_hash text not null, environment_hash text not null references environments (hash),
  seconds text not null, certificate text not null, run integer not null references runs (id),
  primary key (subject, subject_hash, variant, size, protocol_hash, environment_hash)
) without rowid;
create table if not exists metrics (
  name text not null, version text not null, about text not null, unit text not null, decimals integer not null,
  higher_is_better integer not null, primary key (name, version)
) without rowid;
create table if not exists files (
  path text primary key, stamp text not null, sha256 text not null, height integer not null, width integer not null
) without rowid;
create table if not exists curves (
  subject text not null, subject_hash text not null, dataset text not null, image text not null,
  image_sha256 text not null, protocol_hash text not null references protocols (hash),
  terms text not null, seconds real not null, batch integer not null, run integer not null references runs (id),
  primary key (dataset, protocol_hash, image, image_sha256, subject, subject_hash)
) without rowid;
create table if not exists run_facts (
  run integer not null references runs (id), name text not null, text text not null, primary key (run, name)
) without rowid;
"""
CONFIG, CONTRIBUTOR = "config", "contributor"
"""Names in `run_facts`: the text of a run's config file, and who made it."""
TABLES = (
    "environments",
    "protocols",
    "runs",
    "run_facts",
    "scores",
    "failures",
    "pictures",
    "timings",
    "metrics",
    "curves",
    "files",
)

# Parts of SQLite's messages; the first that fits is taken.
EXPLANATIONS = {
    "locked": "another process has held it for a minute; wait for that one, or name another file with --db",
    "full": "the disk is full; what was stored before is kept: free some space and repeat the command",
    "disk I/O": "the disk is full, over quota or failing; what was stored before is kept: see to it and repeat the command",
    "readonly": "it cannot be written to; make it writable or name another file with --db",
    "unable to open": "it cannot be opened; the folder must exist and be writable",
    "not a database": "it is not a results file; name another file with --db",
    "decode to UTF-8": "it is damaged; restore a copy, or rename it and repeat the command",
    "malformed": "it is damaged; restore a copy, or rename it and repeat the command",
}


def explain(file: Path, error: sqlite3.Error) -> str:
    """What an error of SQLite means for a user: names the file, says what to do, and quotes SQLite."""
    text = one_line(str(error))
    for key, remedy in EXPLANATIONS.items():
        if key in text:
            return f"results file {str(file)!r}: {remedy} (SQLite: {text})"
    return f"results file {str(file)!r}: {text}"
