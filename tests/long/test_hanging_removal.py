# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A model whose controller is gone hangs on its finalizer: it is named, and goes only by force."""

from __future__ import annotations

from typing import Any

from tests.e2e.site.playbooks import Run, play_role
from tests.sandbox.harness import Sandbox

MODELS = "llm-d-inference-scheduling"
MODEL = "qwen2-3b-pattern1"
FINALIZER = "serving.kserve.io/llmisvc-finalizer"


def remove(sandbox: Sandbox, **inputs: Any) -> Run:
    """Remove the model."""
    return play_role(
        sandbox.folder, "model", inputs={"model_state": "absent", "model_wait_timeout": 20} | inputs
    )


def test_without_its_controller_a_service_goes_only_by_force(lived: Sandbox) -> None:
    controllers = lived.get("deployments", "--namespace=opendatahub")["items"]
    (controller,) = (
        one["metadata"]["name"]
        for one in controllers
        if one["metadata"]["name"].endswith("controller-manager")
    )
    lived.kubectl("delete", "deployment", controller, "--namespace=opendatahub", "--wait")

    hanging = remove(lived)
    assert hanging.code == 2, hanging.output[-4000:]
    assert MODEL in hanging.text
    assert "ansible-playbook llmd.tpu.kserve" in hanging.text
    assert "model_strip_finalizers" in hanging.text
    assert "Traceback" not in hanging.output

    forced = remove(lived, model_strip_finalizers=True)
    assert forced.code == 0, forced.output[-6000:]
    assert "MODEL_STRIP_FINALIZERS IS ON" in forced.text
    assert lived.get("llminferenceservices", f"--namespace={MODELS}")["items"] == []
    assert lived.get("pods", f"--namespace={MODELS}")["items"] == []
    bindings = lived.kubectl("get", "clusterrolebindings", "--output=name")
    assert f"{MODELS}-{MODEL}-epp-auth-rb" not in bindings

    again = remove(lived)
    assert again.code == 0, again.output[-4000:]
    assert again.count("changed") == 0
