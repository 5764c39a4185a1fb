# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render a chart with the helm program."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import yaml

from tests.sandbox.images.operators.cluster import Document
from tests.sandbox.images.operators.operands import Refused

WRITABLE_FOLDERS = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def render(chart: Path, release: str, namespace: str, values: Document) -> list[Document]:
    """Return the chart's objects without CRDs: those are installed beforehand.

    Raises Refused with helm's own words.
    """
    command = ["helm", "template", release, str(chart), f"--namespace={namespace}", "--values=-"]
    # Nothing but /tmp is sure to be writable in a pod.
    folders = dict.fromkeys(WRITABLE_FOLDERS, "/tmp/helm")
    done = subprocess.run(
        command,
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **folders},
    )
    if done.returncode:
        raise Refused(f"chart {chart.name} cannot be rendered: {done.stderr.strip()}")
    documents = [each for each in yaml.load_all(done.stdout, Loader=Loader) if each]
    return [each for each in documents if each["kind"] != "CustomResourceDefinition"]
