# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a GKE cluster and its TPU pool about, or take them away: the engine of gke_cluster.

It looks, decides, does the first thing that is missing, and looks again until nothing is. So a
lost answer, a late change and a run that was cut off are all the same case: the next look tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.llmd.tpu.plugins.module_utils.findings import (
    Finding,
    describe,
    failure_message,
    has_errors,
    sort_findings,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gke import kubeconfig as files
from ansible_collections.llmd.tpu.plugins.module_utils.gke.catalogue import ask_price
from ansible_collections.llmd.tpu.plugins.module_utils.gke.cost import Cost, Price, guard
from ansible_collections.llmd.tpu.plugins.module_utils.gke.google import (
    Cloud,
    Http,
    NoCredentials,
    Refused,
    SessionHttp,
    Unreachable,
    auth_options,
    credentials_of,
    no_credentials,
    unreachable,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gke.leftovers import leftovers
from ansible_collections.llmd.tpu.plugins.module_utils.gke.operations import (
    OperationFailed,
    Pace,
    running_on,
    wait_for,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gke.plan import (
    Plan,
    Seen,
    Step,
    is_ours,
    machine_chips,
    plan_absent,
    plan_present,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gke.refusals import (
    explain,
    is_busy,
    is_there,
)
from ansible_collections.llmd.tpu.plugins.module_utils.gke.wishes import (
    EXPIRES_LABEL,
    MODES,
    Wish,
    read_wish,
)

Json = dict[str, Any]
# A change that the API says is done may show late: so often the same thing is looked at again.
_PATIENCE = 6
_MOST_STEPS = 40


@dataclass(frozen=True)
class World:
    """What is outside: the way to Google, time, and where lines of progress go."""

    open_http: Callable[[Mapping[str, Any]], Http] = lambda options: SessionHttp(
        credentials_of(options)
    )
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    progress: Callable[[str], None] = lambda _line: None


def argument_spec() -> dict[str, Any]:
    """Give the options."""
    return {
        **auth_options(),
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "name": {"type": "str", "required": True},
        "location": {"type": "str", "required": True},
        "plan_only": {"type": "bool", "default": False},
        "existing": {"type": "bool", "default": False},
        "recreate": {"type": "bool", "default": False},
        "release_channel": {
            "type": "str",
            "choices": ["rapid", "regular", "stable", "extended"],
        },
        "version": {"type": "str"},
        "network": {"type": "str"},
        "subnetwork": {"type": "str"},
        "pods_range": {"type": "str"},
        "services_range": {"type": "str"},
        "private_nodes": {"type": "bool", "default": False},
        "control_plane_cidr": {"type": "str", "default": "172.16.0.32/28"},
        "deletion_protection": {"type": "bool", "default": True},
        "labels": {"type": "dict", "default": {}},
        "expires_after_hours": {"type": "float"},
        "system_pool": {
            "type": "dict",
            "default": {},
            "options": {
                "name": {"type": "str", "default": "system"},
                "machine_type": {"type": "str", "default": "e2-standard-8"},
                "nodes": {"type": "int", "default": 2},
                "zones": {"type": "list", "elements": "str", "default": []},
                "disk_gb": {"type": "int", "default": 100},
            },
        },
        "tpu_pool": {
            "type": "dict",
            "options": {
                "name": {"type": "str", "default": "tpu"},
                "accelerator": {"type": "str", "required": True},
                "topology": {"type": "str", "required": True},
                "machine_type": {"type": "str"},
                "nodes": {"type": "int"},
                "min_nodes": {"type": "int", "default": 0},
                "max_nodes": {"type": "int", "default": 0},
                "zones": {"type": "list", "elements": "str", "default": []},
                "mode": {"type": "str", "choices": list(MODES), "default": "on-demand"},
                "reservation": {"type": "str"},
                "disk_gb": {"type": "int", "default": 200},
                "image_streaming": {"type": "bool", "default": False},
                "cache_image": {"type": "str"},
            },
        },
        "price_per_chip_hour": {"type": "float"},
        "price_from_catalogue": {"type": "bool", "default": False},
        "currency": {"type": "str", "default": "USD"},
        "other_cost_per_hour": {"type": "float", "default": 0.0},
        "hourly_limit": {"type": "float"},
        "kubeconfig_path": {"type": "path"},
        "kubeconfig_auth": {"type": "str", "choices": ["token", "exec"], "default": "token"},
        "wait_timeout": {"type": "int", "default": 3600},
        "poll_interval": {"type": "float", "default": 10.0},
    }


def run(parameters: Mapping[str, Any], *, check: bool, world: World | None = None) -> Json:
    """Do the task and give its result."""
    world = world or World()
    wish, problems = read_wish(parameters)
    if problems:
        return _result(wish, _Progress(), problems)
    progress = _Progress()
    try:
        http = world.open_http(parameters)
        return _Run(parameters, wish, Cloud(http, world.sleep), http, world, progress, check).go()
    except NoCredentials as problem:
        return _result(wish, progress, [no_credentials(str(problem))])
    except Unreachable as problem:
        return _result(wish, progress, [unreachable(str(problem))])
    except Refused as refused:
        return _result(wish, progress, [explain(wish.full_name, refused.refusal)])
    except OperationFailed as failed:
        return _result(wish, progress, [failed.finding])


@dataclass
class _Progress:
    """What has been done so far: told even when the run fails after it."""

    done: list[Step] = field(default_factory=list)
    cost: Cost | None = None


@dataclass
class _Run:
    """One task."""

    parameters: Mapping[str, Any]
    wish: Wish
    cloud: Cloud
    http: Http
    world: World
    progress: _Progress
    check: bool

    def go(self) -> Json:
        """Converge, and tell what was done."""
        seen = self._look()
        absent = self.parameters["state"] == "absent"
        plan = self._plan(seen)
        findings = list(plan.findings)
        if not absent:
            self.progress.cost = self._cost(findings)
            # Only what adds chips is held to the limit: what is there already costs anyway.
            if any(step.chips for step in plan.steps):
                limit = self.parameters.get("hourly_limit")
                findings += guard(self.progress.cost, limit, self.wish.full_name)
            findings += _expired(self.wish, seen, self.world.clock())
        if has_errors(findings):
            return _result(self.wish, self.progress, findings, seen=seen)
        if self.parameters["plan_only"]:
            told = _result(self.wish, self.progress, findings, seen=seen)
            return {**told, "steps": [step.words for step in plan.steps]}
        if self.check:
            self.progress.done = list(plan.steps)
            config = self._kubeconfig(seen) if not absent else {}
            return _result(self.wish, self.progress, findings, seen=seen, kubeconfig=config)
        if self.progress.cost and plan.steps:
            self.world.progress(f"expected cost: {self.progress.cost.words()}")
        seen = self._converge(seen, plan)
        if absent:
            findings += self._leftovers()
            return _result(self.wish, self.progress, findings, seen=seen)
        return _result(
            self.wish, self.progress, findings, seen=seen, kubeconfig=self._kubeconfig(seen)
        )

    def _plan(self, seen: Seen) -> Plan:
        if self.parameters["state"] == "absent":
            return plan_absent(self.wish, seen)
        # A pool or cluster is made anew once a run; after that what differs is an error again.
        recreate = self.parameters["recreate"] and not any(
            step.method.endswith(".delete") for step in self.progress.done
        )
        return plan_present(self.wish, seen, self._expires(), recreate=recreate)

    def _converge(self, seen: Seen, plan: Plan) -> Seen:
        """Do what the plan says, one thing after another."""
        deadline = self.world.clock() + self.parameters["wait_timeout"]
        pace = Pace(self.world.clock, self.world.sleep, deadline, self.parameters["poll_interval"])
        tries: dict[str, int] = {}
        for _round in range(_MOST_STEPS):
            if self._join(pace):
                seen, plan = self._look_again()
            if not plan.steps:
                return seen
            step = plan.steps[0]
            tries[step.words] = tries.get(step.words, 0) + 1
            if tries[step.words] == 1:
                self.progress.done.append(step)
                self._do(step, pace)
            elif tries[step.words] > _PATIENCE:
                raise OperationFailed(_does_not_show(step))
            else:
                # Done, and not to be seen: it may show late. Every other look it is done again.
                self.world.sleep(pace.interval)
                if tries[step.words] % 3 == 0:
                    self._do(step, pace)
            seen, plan = self._look_again()
        raise OperationFailed(_does_not_show(plan.steps[0]))

    def _look_again(self) -> tuple[Seen, Plan]:
        """What is there now, and what is left to do. Raises OperationFailed where that is wrong."""
        seen = self._look()
        plan = self._plan(seen)
        if has_errors(plan.findings):
            raise OperationFailed(sort_findings(plan.findings)[0])
        return seen, plan

    def _do(self, step: Step, pace: Pace) -> None:
        """Send one request and wait for its end."""
        self.world.progress(step.words)
        try:
            operation = self.cloud.call(step.api, step.method, **step.arguments)
        except Unreachable as problem:
            # Whether it arrived is seen by looking.
            self.world.progress(
                f"{step.words}: no answer from {problem}; looking whether it arrived"
            )
            self.world.sleep(pace.interval)
            return
        except Refused as refused:
            refusal = refused.refusal
            gone = refusal.status == 404 and step.method.endswith("delete")
            # Somebody else was quicker: looking again tells what is left to do.
            if is_busy(refusal) or gone or is_there(refusal) or refusal.status == 412:
                return
            raise OperationFailed(explain(step.words, refusal)) from None
        if step.api == "compute":
            self._wait_for_compute(operation, pace)
        else:
            wait_for(self.cloud, operation, step.words, self.wish.parent, pace, self.world.progress)

    def _join(self, pace: Pace) -> bool:
        """Wait for an operation that has the cluster already, whoever began it."""
        running = running_on(self.cloud, self.wish.parent, self.wish.name)
        if running is None:
            return False
        kind = str(running.get("operationType", "")).lower().replace("_", " ")
        words = f"{kind} of {self.wish.name}, which runs already"
        wait_for(self.cloud, running, words, self.wish.parent, pace, self.world.progress)
        return True

    def _wait_for_compute(self, operation: Mapping[str, Any], pace: Pace) -> None:
        while operation.get("status") != "DONE":
            pace.sleep(min(pace.interval, 2.0))
            operation = self.cloud.call(
                "compute",
                "globalOperations.get",
                project=self.wish.project,
                operation=operation["name"],
            )

    def _look(self) -> Seen:
        """Read the cluster, the sizes of its pools and the firewall rule."""
        cluster = self._maybe(
            "container", "projects.locations.clusters.get", name=self.wish.full_name
        )
        sizes: dict[str, int] = {}
        if cluster is not None and self.parameters["state"] == "present":
            names = {pool.name for pool in (self.wish.system, self.wish.tpu) if pool}
            for pool in cluster.get("nodePools") or ():
                if pool["name"] in names:
                    size = self._size(pool)
                    sizes.update({} if size is None else {pool["name"]: size})
        firewall = None
        if self.wish.guarded:
            firewall = self._maybe(
                "compute",
                "firewalls.get",
                project=self.wish.project,
                firewall=self.wish.firewall,
            )
        return Seen(cluster, sizes, firewall)

    def _size(self, pool: Mapping[str, Any]) -> int | None:
        """Nodes a zone, from the pool's instance groups: the pool tells only its first size."""
        sizes = []
        for link in pool.get("instanceGroupUrls") or ():
            with _if_there():
                sizes.append(self.cloud.size_of_group(self.wish.project, link))
        return max(sizes, default=None)

    def _maybe(self, api: str, method: str, **arguments: Any) -> Json | None:
        with _if_there():
            return self.cloud.call(api, method, **arguments)
        return None

    def _expires(self) -> str:
        hours = self.wish.expires_after_hours
        if not hours:
            return ""
        return _as_label(self.world.clock() + hours * 3600)

    def _cost(self, findings: list[Finding]) -> Cost:
        pool = self.wish.tpu
        chips = pool.chips_per_node * pool.most_nodes if pool else 0
        other = self.parameters["other_cost_per_hour"]
        given = self.parameters.get("price_per_chip_hour")
        if given is not None:
            price = Price(given, self.parameters["currency"], "cluster_price_per_chip_hour")
            return Cost(chips, price, other)
        if not (self.parameters["price_from_catalogue"] and pool and pool.slices and chips):
            return Cost(chips, None, other)
        asked, why = ask_price(self.cloud, pool.slices.generation, self.wish.location, pool.mode)
        if asked is None:
            findings.append(_no_price(why))
        return Cost(chips, asked, other)

    def _kubeconfig(self, seen: Seen) -> Json:
        """Write the kubeconfig where it is asked for; a new token alone is no change.

        A check renews the token of a file that is right but for that, as whatever looks after it
        has to log in, and writes no other.
        """
        path = self.parameters.get("kubeconfig_path")
        if not path:
            return {}
        context = files.context_of(self.wish.project, self.wish.location, self.wish.name)
        told = {"path": path, "context": context, "auth": self.parameters["kubeconfig_auth"]}
        if seen.cluster is None or not seen.cluster.get("endpoint"):
            return {**told, "in_place": False, "changed": True}
        by_token = self.parameters["kubeconfig_auth"] == "token"
        content = files.kubeconfig(context, seen.cluster, "" if by_token else None)
        place = Path(path).expanduser()
        same = files.same_but_for_tokens(files.read(place), content) and files.is_private(place)
        if same or not self.check:
            if by_token:
                content = files.kubeconfig(context, seen.cluster, self.http.token())
            if by_token or not same:
                files.write(place, content)
        return {**told, "in_place": same or not self.check, "changed": not same}

    def _leftovers(self) -> Iterable[Finding]:
        def listed(kind: str) -> list[tuple[str, Mapping[str, Any]]]:
            pages = self.cloud.pages(
                "compute", f"{kind}.aggregatedList", "items", project=self.wish.project
            )
            return [(place, one) for place, page in pages for one in page.get(kind) or ()]

        if self.wish.existing:
            return []
        try:
            return list(
                leftovers(
                    self.wish.name,
                    listed("disks"),
                    listed("forwardingRules"),
                    listed("addresses"),
                )
            )
        except (Refused, Unreachable) as problem:
            return [
                Finding(
                    code="CLUSTER-LEFTOVERS-UNKNOWN",
                    severity="info",
                    message="what is left and still costs could not be looked at",
                    subject=self.wish.full_name,
                    found=str(problem),
                    expected="roles/compute.viewer",
                    fix="look at disks, load balancers and addresses in the console",
                )
            ]


@contextmanager
def _if_there() -> Iterator[None]:
    """Pass over what Google does not have (HTTP 404)."""
    try:
        yield
    except Refused as refused:
        if refused.refusal.status != 404:
            raise


def _as_label(moment: float) -> str:
    """A moment as labels may have it; texts that sort as the moments do."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d-%H%Mz")


def _does_not_show(step: Step) -> Finding:
    return Finding(
        code="GOOGLE-CHANGE-NOT-SEEN",
        severity="error",
        message="Google said that it was done, and it is not to be seen",
        subject=step.words,
        found=f"still {step.before}",
        expected=str(step.after),
        fix="run again; if it stays like this, somebody else changes it back",
        source="GKE API",
    )


def _no_price(why: str) -> Finding:
    return Finding(
        code="CLUSTER-PRICE-UNKNOWN",
        severity="info",
        message="Google's catalogue does not tell one price of these chips",
        found=why,
        expected="one billed unit that fits",
        fix="set cluster_price_per_chip_hour",
        source="Cloud Billing API, services.skus",
    )


def _expired(wish: Wish, seen: Seen | None, now: float) -> Iterable[Finding]:
    labels = ((seen and seen.cluster) or {}).get("resourceLabels") or {}
    date = labels.get(EXPIRES_LABEL, "")
    if date and date < _as_label(now):
        yield Finding(
            code="CLUSTER-EXPIRED",
            severity="warning",
            message="the cluster has outlived its date, and costs",
            subject=wish.full_name,
            found=f"{EXPIRES_LABEL}={date}",
            expected="a date to come",
            fix="remove it (cluster_state: absent), or give a new date by changing the label",
        )


def _result(
    wish: Wish,
    progress: _Progress,
    findings: Iterable[Finding],
    *,
    seen: Seen | None = None,
    kubeconfig: Mapping[str, Any] | None = None,
) -> Json:
    """Make the task's result."""
    told = sort_findings(findings)
    written = dict(kubeconfig or {})
    changed = bool(progress.done) or bool(written.pop("changed", False))
    result: Json = {
        "changed": changed,
        "ok": not has_errors(told),
        "steps": [step.words for step in progress.done],
        "findings": [one.to_dict() for one in told],
        "diff": [
            {
                "before_header": step.words,
                "after_header": step.words,
                "before": _plain(step.before),
                "after": _plain(step.after),
            }
            for step in progress.done
        ],
        "cluster": _describe(wish, seen),
        "kubeconfig": written,
    }
    if progress.cost:
        result["cost"] = progress.cost.to_dict()
    warnings = [describe(one) for one in told if one.severity == "warning"]
    if warnings:
        result["warnings"] = warnings
    if not result["ok"]:
        result.update(failed=True, msg=failure_message(wish.full_name, told))
    return result


def _plain(value: Any) -> Any:
    return "" if value is None else value if isinstance(value, dict) else {"value": value}


def _describe(wish: Wish, seen: Seen | None) -> Json:
    place = {"name": wish.name, "location": wish.location}
    if seen is None:
        # A run that failed: what became of it tells the next look.
        return {**place, "status": "unknown"}
    cluster = seen.cluster
    if cluster is None:
        return {**place, "status": "absent"}
    return {
        **place,
        "status": cluster.get("status", ""),
        "version": cluster.get("currentMasterVersion", ""),
        "endpoint": cluster.get("endpoint", ""),
        "ours": is_ours(cluster.get("resourceLabels")),
        "labels": dict(cluster.get("resourceLabels") or {}),
        "pools": [
            {
                "name": pool["name"],
                "status": pool.get("status", ""),
                "machine_type": (pool.get("config") or {}).get("machineType", ""),
                "nodes": seen.sizes.get(pool["name"]),
                "chips": machine_chips(str((pool.get("config") or {}).get("machineType")))
                * (seen.sizes.get(pool["name"]) or 0)
                * len(pool.get("locations") or ()),
                "zones": list(pool.get("locations") or ()),
            }
            for pool in cluster.get("nodePools") or ()
        ],
    }
