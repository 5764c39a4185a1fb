# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A stand-in for vLLM on Cloud TPU, for pods of the sandbox.

It takes vLLM's command line, goes through vLLM's start-up with its log lines, refuses what vLLM
would refuse (unknown flags, missing chips, a model that cannot be split), and then serves the
OpenAI routes and the metrics. It loads no model: answers are text made from the prompt.

Imitated releases: 0.11 (package vllm-tpu 0.11.1), 0.13 (0.13.3) and 0.18 (0.18.0), each with the
tpu-inference package of the same number. File names in comments are files of those two packages
as published on PyPI, unless another source is named.
"""
