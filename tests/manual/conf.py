# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sphinx's settings; `python -m tests.manual` lays the pages out and calls it."""

from __future__ import annotations

from pathlib import Path

import yaml

_COLLECTION = yaml.safe_load((Path(__file__).parents[2] / "galaxy.yml").read_text())

project = f"{_COLLECTION['namespace']}.{_COLLECTION['name']}"
version = release = _COLLECTION["version"]
copyright = "llmd.tpu contributors, GPL-3.0-or-later"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["modules/index.rst"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
highlight_language = "yaml"
smartquotes = False  # two dashes are an option, not a dash
default_role = "any"
nitpicky = False
# Links of the modules' pages into Ansible's own manual, which an offline build cannot look up.
suppress_warnings = ["ref.ref"]

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": False}
