# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pictures of a report and of a bundle's index, made of a real run: `make screenshots`.

A sandbox is started, site.yml and report.yml run on it in one go, so that the report has the start
of the model, and a bundle is collected. Paths of HTML pages instead: those are pictured, and of
the folder of a site the pages of `SITE`: `python -m tests.screenshots .cache/manual/html`.
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.clusters import empty_cluster
from tests.e2e.site.playbooks import play
from tests.sandbox.paths import CHECKOUT
from tests.screenshots.browser import VIEWS, browser

OUTPUT = CHECKOUT / "tests/output/screenshots"
SITE = (
    "index",
    "start",
    "guide",
    "house",
    "operators",
    "troubleshooting",
    "variables",
    "findings",
    "reference/index",
    "reference/model_info_module",
    "reference/gateway_role",
)
PLAYBOOKS = ("site", "report", "diagnostics_bundle")


def pages_of_a_run() -> list[Path]:
    """Run everything on a sandbox; the report and the page of a bundle."""
    with empty_cluster("screenshots") as sandbox:
        inputs = {
            "report_path": str(OUTPUT / "report.html"),
            "report_repeats": 60,
            "report_concurrency": 4,
            "bundle_path": str(OUTPUT / "bundle.tar.gz"),
            "bundle_overwrite": True,
        }
        books = [CHECKOUT / f"playbooks/{name}.yml" for name in PLAYBOOKS]
        together = OUTPUT / "together.yml"
        together.write_text(json.dumps([{"import_playbook": str(path)} for path in books]))
        done = play(sandbox.folder, str(together), inputs=inputs)
        assert done.code == 0, done.output[-6000:]
    with tarfile.open(OUTPUT / "bundle.tar.gz") as archive:
        archive.extractall(OUTPUT, filter="data")
    return [OUTPUT / "report.html", OUTPUT / "bundle/index.html"]


def main(pages: Sequence[Path], site: Path | None = None) -> int:
    """Make the pictures; how many things are wrong with the pages."""
    wrong = 0
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with browser() as tab:
        for page in pages:
            name = f"{page.parent.name}-" * (page.stem == "index") + page.stem
            for view in VIEWS:
                complaints = tab.show(page.resolve(), view, site)
                picture = OUTPUT / f"{name}-{view.name}.png"
                picture.write_bytes(tab.picture(view))
                if view.media == "print":
                    picture.with_suffix(".pdf").write_bytes(tab.paper())
                print(f"{picture}: {'; '.join(complaints) or 'well'}")
                wrong += len(complaints)
    return wrong


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    given = [Path(argument).resolve() for argument in sys.argv[1:]]
    if given and given[0].is_dir():
        sys.exit(bool(main([given[0] / f"{name}.html" for name in SITE], given[0])))
    sys.exit(bool(main(given or pages_of_a_run())))
