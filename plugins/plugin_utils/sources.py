# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What action plugins do about manifests before anybody reads them: paths and templates."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible_collections.llmd.tpu.plugins.module_utils.rendering.sources import Template
from ansible_collections.llmd.tpu.plugins.plugin_utils.controller import ControllerAction


class SourcesAction(ControllerAction):
    """An action on manifests. Templates are rendered here, wherever the rest is done."""

    def located(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters with paths that were looked for, and with rendered templates."""
        result = dict(parameters)
        result["src"] = [self.found(path) for path in parameters.get("src") or ()]
        for source in ("kustomize", "chart"):
            result[source] = [
                {**entry, "path": self.found(entry["path"])} for entry in parameters[source] or ()
            ]
        result["template"] = [
            Template(path, self._rendered(path)) for path in parameters.get("template") or ()
        ]
        return result

    def module_arguments(self) -> dict[str, Any]:
        """The task's arguments for the module: it gets what templates say as definition."""
        arguments = dict(self._task.args)
        paths = arguments.pop("template", None)
        if not paths:
            return arguments
        given = arguments.get("definition")
        inline = given if isinstance(given, list) else [] if given is None else [given]
        listed = [paths] if isinstance(paths, str) else paths
        arguments["definition"] = [*inline, *(self._rendered(path) for path in listed)]
        return arguments

    def _rendered(self, path: str) -> Any:
        """A template's content, found and rendered as by Ansible's own lookup `template`."""
        variables = {
            **self._templar.available_variables,
            "ansible_search_path": self._task.get_search_path(),
        }
        lookup = lookup_loader.get(
            "ansible.builtin.template", loader=self._loader, templar=self._templar
        )
        try:
            return lookup.run([path], variables)[0]
        except AnsibleError as problem:
            raise AnsibleError(f"template {path}: {problem}") from problem
