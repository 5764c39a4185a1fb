# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for the Google APIs that the cluster phase uses, made from Google's own descriptions.

What a request may contain comes from the discovery documents that google-api-python-client
carries, and for Cloud Quotas from the types of its client package: an unknown field, a wrong enum
value or a missing parameter is refused as the real API refuses it. What the API does with a good
request is ours; the texts of its errors and where they come from are in errors.py.

Time is simulated: operations take as long as they do on Google Cloud, by a clock that a test (or
each request) moves.
"""
