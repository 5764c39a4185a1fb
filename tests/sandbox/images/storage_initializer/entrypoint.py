#!/usr/bin/env python3
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entry point of the sandbox's kserve-storage-initializer image.

The image's own entry point takes pairs of source and destination and hands them to the package
kserve-storage; the one of the release-v0.15 track takes exactly one pair. The package is the real
one, only this script is ours.
Source: python/storage-initializer/scripts/initializer-entrypoint of opendatahub-io/kserve.
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    """Download every pair; 1 when one fails, which restarts the init container."""
    if not arguments or len(arguments) % 2:
        print("Usage: initializer-entrypoint src_uri_0 dest_path_0 ... src_uri_n dest_path_n")
        return 1
    # Imported late: the package takes a second to load, the usage line should not.
    from kserve_storage import Storage
    from kserve_storage.logging import configure_logging, logger

    configure_logging()
    pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
    logger.info("Initializing, args: (src_uri, dest_path): %s", pairs)
    try:
        for source, destination in pairs:
            Storage.download(source, destination)
    except Exception as error:
        kind = (
            "Storage initialization failed"
            if isinstance(error, RuntimeError)
            else ("Unexpected error during storage initialization")
        )
        logger.error("%s: %s", kind, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
