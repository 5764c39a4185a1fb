# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Play what Google Cloud and GKE do around a cluster.

Always: addresses for load balancers, and NetworkPolicies. With ``--habit``:
- ``warden``: GKE Warden refuses pods that ask for TPUs without both TPU labels;
- ``gateway-api``: GKE manages the Gateway API CRDs, and refuses other channels than standard;
- ``autoscaler``: pods that wait for a TPU get the autoscaler's events, and a node some time later.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.sandbox.cloud import autoscaler, gateway_api, warden
from tests.sandbox.cloud.load_balancer import LoadBalancer
from tests.sandbox.cloud.network_policy import NetworkPolicies
from tests.sandbox.images.operators.cluster import TROUBLE, Cluster, reason_of
from tests.sandbox.paths import State

MANAGER = "sandbox-cloud"
HABITS = ("autoscaler", "gateway-api", "warden")
RETRY_SECONDS = 1.0


def _never_ends(run: Callable[[], None]) -> None:
    """Run something that follows the cluster; its end is the program's."""
    try:
        run()
    except Exception:
        traceback.print_exc()
    os._exit(1)


def _remove_other_habits(cluster: Cluster, habits: list[str]) -> None:
    """Take back what a run with other habits left in a cluster that was kept."""
    removals = {
        "autoscaler": autoscaler.remove,
        "gateway-api": gateway_api.remove,
        "warden": warden.remove,
    }
    for name, remove in removals.items():
        if name not in habits:
            remove(cluster)


def _wait_for_api_server(act: Callable[[], None]) -> None:
    while True:
        try:
            act()
        except TROUBLE as error:
            print(f"waiting for the API server: {reason_of(error)}", flush=True)
            time.sleep(RETRY_SECONDS)
        else:
            return


def main(arguments: list[str]) -> int:
    """Run until the world ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.cloud", description=__doc__)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--state-dir", type=Path, required=True, help="this program's own folder")
    parser.add_argument("--habit", action="append", default=[], choices=HABITS)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    cluster = Cluster.of_kubeconfig(chosen.kubeconfig, MANAGER)
    state = State(chosen.state_dir.absolute().parent)
    _wait_for_api_server(lambda: _remove_other_habits(cluster, chosen.habit))
    crds = state.sources / "gateway-api" / "config" / "crd" / "standard"
    habits = {
        "autoscaler": functools.partial(autoscaler.run, cluster, state),
        "gateway-api": functools.partial(
            gateway_api.run, chosen.kubeconfig, crds, chosen.state_dir
        ),
        "warden": functools.partial(warden.run, cluster, chosen.state_dir),
    }
    runs = [LoadBalancer(cluster).run, NetworkPolicies(cluster).run]
    runs += [habits[habit] for habit in chosen.habit]
    threads = [threading.Thread(target=_never_ends, args=(run,), daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
