#!/usr/bin/python
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpack an archive of manifests or charts whose checksum is known."""

from __future__ import annotations

DOCUMENTATION = r"""
module: unpack
short_description: Unpack an archive whose checksum is known, once
version_added: 0.1.0
author:
  - llmd.tpu contributors (!UNKNOWN)
description:
  - Fetches an archive, or reads it from a path, compares its SHA-256 with the expected one, and
    only then unpacks it. A folder that is there already is left alone, wherever the archive is.
  - Refuses members that lie or point outside of the folder, devices and pipes.
  - An archive with one folder at its top is read from inside of that folder.
options:
  archive:
    description:
      - A path, or an address with C(https) or C(http). A tar archive, plain or compressed by gzip,
        bzip2 or xz.
    type: str
    required: true
  sha256:
    description: The SHA-256 of the archive, as C(sha256sum) prints it.
    type: str
    required: true
  dest:
    description: The folder to make.
    type: path
    required: true
  timeout:
    description: How many seconds the server may be silent.
    type: int
    default: 60
attributes:
  check_mode:
    description: Can predict what would happen without changing anything.
    support: full
  diff_mode:
    description: Can show what changes.
    support: none
seealso:
  - plugin: llmd.tpu.source
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Unpack KServe's manifests from a share
  llmd.tpu.unpack:
    archive: ~/kserve-9682be2.tar.gz
    sha256: 1f0e5f9b7f9d1c0d6f8a3f2a3f5d7b1c2e4a6c8e0b2d4f6a8c0e2b4d6f8a0c2e
    dest: ~/.cache/llmd-tpu/sources/kserve-9682be2
"""

RETURN = r"""
dest:
  description: The folder.
  returned: success
  type: str
  sample: /var/lib/awx/sources/kserve
"""

import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.validation import check_type_path
from ansible.module_utils.urls import fetch_url
from ansible_collections.llmd.tpu.plugins.module_utils.manifests.archive import (
    BadArchive,
    check_digest,
    unpack,
)

_BLOCK = 1024 * 1024


def _fetch(module: AnsibleModule, address: str) -> Path:
    """Write what an address gives into a file that goes with the module's own folder."""
    reply, told = fetch_url(module, address, timeout=module.params["timeout"])
    if told["status"] != 200 or reply is None:
        raise BadArchive(
            f"{address} gave {told.get('msg') or told['status']}. Expected: an archive. Check the "
            "address, or fetch the archive yourself and give its path."
        )
    handle, name = tempfile.mkstemp(dir=module.tmpdir, suffix=".tar")
    with os.fdopen(handle, "wb") as file:
        while block := reply.read(_BLOCK):
            file.write(block)
    return Path(name)


def _work(module: AnsibleModule) -> bool:
    """Unpack unless the folder is there; True when something was (or would be) made."""
    origin, dest = module.params["archive"], Path(module.params["dest"])
    if dest.is_dir():
        return False
    remote = origin.startswith(("https://", "http://"))
    path = _fetch(module, origin) if remote else Path(check_type_path(origin))
    if not path.is_file():
        raise BadArchive(
            f"there is no file {path}. Expected: the archive, on the machine where the task runs."
        )
    with path.open("rb") as stream:
        check_digest(stream, module.params["sha256"].lower(), origin)
    if not module.check_mode:
        unpack(path, dest, origin)
    return True


def main() -> None:
    """Read the options, unpack, report."""
    module = AnsibleModule(
        argument_spec={
            "archive": {"type": "str", "required": True},
            "sha256": {"type": "str", "required": True},
            "dest": {"type": "path", "required": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    try:
        changed = _work(module)
    except (BadArchive, OSError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=changed, dest=module.params["dest"])


if __name__ == "__main__":
    main()
