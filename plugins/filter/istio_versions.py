# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters for the operators phase."""

from __future__ import annotations

from typing import Any


def istio_versions(crd: dict[str, Any]) -> list[str]:
    """The values that the CRD of sail-operator's Istio kind accepts for spec.version.

    Each bundle of the operator holds the charts of a few Istio versions and lists them as an enum
    (sail-operator api/v1/istio_types.go). An empty list means that the CRD leaves it open.
    """
    versions = crd.get("spec", {}).get("versions", [])
    served: dict[str, Any] = next((item for item in versions if item.get("storage")), {})
    field: dict[str, Any] = served.get("schema", {}).get("openAPIV3Schema", {})
    for name in ("spec", "version"):
        field = field.get("properties", {}).get(name, {})
    return list(field.get("enum", []))


class FilterModule:
    """The filters of this file, as Ansible asks for them."""

    def filters(self) -> dict[str, Any]:
        """Filter name to function."""
        return {"istio_versions": istio_versions}
