# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation and argument spec say the same; the words run as modules, too."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.kubernetes.core.plugins.doc_fragments.k8s_auth_options import (
    ModuleDocFragment as AuthOptions,
)
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.llmd.tpu.plugins.doc_fragments.sources import (
    ModuleDocFragment as SourceOptions,
)
from ansible_collections.llmd.tpu.plugins.module_utils.connection import connection_options
from ansible_collections.llmd.tpu.plugins.module_utils.manifests import apply as apply_options
from ansible_collections.llmd.tpu.plugins.module_utils.readiness import wait as wait_options
from ansible_collections.llmd.tpu.plugins.module_utils.rendering import info as info_options
from ansible_collections.llmd.tpu.plugins.module_utils.startup import (
    model_startup as startup_options,
)
from ansible_collections.llmd.tpu.plugins.modules import (
    apply,
    manifests_info,
    model_startup,
    wait_ready,
)

Options = dict[str, Any]
WORDS = [
    (apply.DOCUMENTATION, apply_options.argument_spec()),
    (manifests_info.DOCUMENTATION, info_options.argument_spec()),
    (model_startup.DOCUMENTATION, startup_options.argument_spec()),
    (wait_ready.DOCUMENTATION, wait_options.argument_spec()),
]
COMPARED = ("type", "default", "choices", "required", "elements", "aliases")


def described(options: Options) -> Options:
    """Documented options as an argument spec would give them."""
    return {
        name: {
            **{key: option[key] for key in COMPARED if key in option},
            **({"options": described(option["suboptions"])} if "suboptions" in option else {}),
        }
        for name, option in options.items()
    }


def specified(options: Options) -> Options:
    return {
        name: {
            **{key: option[key] for key in COMPARED if key in option},
            **({"options": specified(option["options"])} if "options" in option else {}),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize(("documentation", "spec"), WORDS)
def test_documentation_and_spec_say_the_same(documentation: str, spec: Options) -> None:
    own = {name: option for name, option in spec.items() if name not in AUTH_ARG_SPEC}
    read = yaml.safe_load(documentation)
    options = read.get("options", {})
    if "llmd.tpu.sources" in read["extends_documentation_fragment"]:
        options |= yaml.safe_load(SourceOptions.DOCUMENTATION)["options"]
    assert described(options) == specified(own)


def test_connection_options_are_those_of_kubernetes_core() -> None:
    assert connection_options() == AUTH_ARG_SPEC
    documented = yaml.safe_load(AuthOptions.DOCUMENTATION)["options"]
    assert set(connection_options()) <= set(documented)


@pytest.mark.parametrize("module", [apply, manifests_info, model_startup, wait_ready])
def test_examples_and_samples_are_yaml(module: Any) -> None:
    tasks = yaml.safe_load(module.EXAMPLES)
    assert any(f"llmd.tpu.{module.__name__.rpartition('.')[2]}" in task for task in tasks)
    assert all("description" in entry for entry in yaml.safe_load(module.RETURN).values())
