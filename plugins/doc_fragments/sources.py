# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that say which manifests, of all words that read some."""

from __future__ import annotations


class ModuleDocFragment:
    """Sources of manifests, and the choice among their objects."""

    DOCUMENTATION = r"""
options:
  definition:
    description:
      - The objects; a dictionary, a list of dictionaries, or YAML text of any number of documents.
      - A field that is null is not asked for.
    type: raw
  template:
    description:
      - Jinja2 templates of manifests, rendered in the controller with the task's variables and
        looked for as in the lookup P(ansible.builtin.template#lookup).
    type: list
    elements: path
  src:
    description:
      - Files of manifests, and folders, which are read with everything below them.
      - Paths are of the machine where the task runs. With a local connection a relative path is
        looked for as in M(ansible.builtin.copy), then in the current folder.
    type: list
    elements: path
  kustomize:
    description: Folders with a kustomization, rendered on the machine where the task runs.
    type: list
    elements: dict
    suboptions:
      path:
        description: The folder. A relative path is looked for as in O(src).
        type: path
        required: true
      binary:
        description:
          - Name or path of kustomize, or of kubectl, which has one inside. Without it the first of
            the two in E(PATH).
          - KServe's overlay needs kustomize 5.8.0 or newer (in kubectl from 1.36 on).
        type: path
  chart:
    description:
      - Helm charts, rendered as V(helm template) does on the machine where the task runs. There is
        no release, and hooks of the chart are left out; its CRDs are there as in an installation.
      - Objects that name no namespace go into the namespace of the release.
    type: list
    elements: dict
    suboptions:
      path:
        description:
          - The chart's folder, or its archive. A relative path is looked for as in O(src).
        type: path
        required: true
      name:
        description: The name of the release.
        type: str
        required: true
      namespace:
        description: The namespace of the release.
        type: str
        default: default
      values:
        description: Values for the chart. They reach helm by its standard input only.
        type: dict
        default: {}
      binary:
        description: Name or path of helm, 3.17 or newer; without it the one in E(PATH).
        type: path
  include:
    description: Only these objects of all sources; without it all.
    type: list
    elements: dict
    suboptions: &chosen
      kind:
        description: The kind of the objects.
        type: str
        required: true
      name:
        description: The name of the object; without it all objects of the kind.
        type: str
      group:
        description: The API group, empty for the core group; without it any.
        type: str
  exclude:
    description: Not these objects of all sources.
    type: list
    elements: dict
    suboptions: *chosen
  cache:
    description:
      - The folder where rendered overlays and charts are kept, and large files that were parsed.
        Empty turns it off; a folder that cannot be written is not used.
      - An entry belongs to the content of everything that the renderer reads, to the values and to
        the program, so it is never stale, and the folder may be deleted at any time. What holds a
        secret or refers to something remote is not kept.
    type: str
    default: ~/.cache/llmd-tpu/rendered
"""
