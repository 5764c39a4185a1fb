# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation that the words which ask Google share."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of google.cloud's modules for logging in, with the same environment variables."""

    DOCUMENTATION = r"""
options:
  project:
    description:
      - The project's id. C(GCP_PROJECT) is taken when it is not given.
    type: str
    required: true
  auth_kind:
    description:
      - What to log in with. V(application) takes Application Default Credentials, which may be a
        user's, Workload Identity, or a file that impersonates a service account. V(machineaccount)
        asks the metadata server of a machine on Google Cloud. C(GCP_AUTH_KIND) is taken when it is
        not given.
    type: str
    required: true
    choices: [application, machineaccount, serviceaccount, accesstoken]
  service_account_email:
    description:
      - Which account of the machine, for V(machineaccount). C(GCP_SERVICE_ACCOUNT_EMAIL).
    type: str
  service_account_file:
    description:
      - Key file, for V(serviceaccount). C(GCP_SERVICE_ACCOUNT_FILE).
    type: path
  service_account_contents:
    description:
      - Content of such a file, for V(serviceaccount). C(GCP_SERVICE_ACCOUNT_CONTENTS).
    type: jsonarg
  access_token:
    description:
      - A token, for V(accesstoken). C(GCP_ACCESS_TOKEN).
    type: str
  scopes:
    description:
      - Scopes of the token. Default is C(cloud-platform). C(GCP_SCOPES).
    type: list
    elements: str
requirements:
  - python >= 3.11
  - google-api-python-client >= 2.100
  - google-auth >= 2.17
  - requests >= 2.28
notes:
  - Logging in, proxies (C(HTTPS_PROXY)) and certificates (C(REQUESTS_CA_BUNDLE)) work as with the
    modules of google.cloud.
"""
