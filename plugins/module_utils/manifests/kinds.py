# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a kind is, as the API server names it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Kind:
    """Where the objects of a kind live."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    removable: bool = False
    """Whether its objects can be listed and deleted."""

    @property
    def group(self) -> str:
        """The API group; empty for Kubernetes' own first one."""
        return self.api_version.rpartition("/")[0]

    @property
    def definition(self) -> str:
        """The name of the CustomResourceDefinition that would serve it."""
        return f"{self.plural}.{self.group}"

    def path(self, name: str | None = None, namespace: str | None = None) -> str:
        """The URL path of an object, or of the list."""
        base = (
            f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        )
        if self.namespaced and namespace:
            base += f"/namespaces/{quote(namespace)}"
        return f"{base}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")
