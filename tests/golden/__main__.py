"""`python -m tests.golden`: run everything again (nine minutes on two cores) and compare it with what is committed."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.golden import record
from tests.golden.test_golden import differences, golden, names_in


def main() -> int:
    """Record into a temporary folder, print what differs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record.main(folder)
        found = {file.stem: json.loads(file.read_text()) for file in folder.glob("*.json")}
    exact = found["scores"]["machine"] == golden("scores")["machine"]
    lines = list(differences(found["scores"]["values"], golden("scores")["values"], exact=exact))
    missing = golden("scores")["values"].keys() - found["scores"]["values"].keys()
    lines += [f"{place}: missing" for place in sorted(missing)]
    if exact and found["export"] != golden("export"):
        lines.append("export.json differs")
    if list(names_in(found["speed"])) != list(names_in(golden("speed"))):
        lines.append("speed.json has other fields")
    count = sum(len(i) for p in found["scores"]["values"].values() for m in p.values() for i in m.values())
    print(*lines, sep="\n")
    print(
        f"{count} scores, {len(lines)} differences, {'to the last bit' if exact else 'to the printed digits'}"
    )
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
