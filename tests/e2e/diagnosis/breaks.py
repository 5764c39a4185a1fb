# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What breaks the demo's model, each by its cause; starts that fail are in tests/long/startup."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import yaml

from tests.certificates import self_signed
from tests.e2e.diagnosis.diagnosing import NAME, NAMESPACE, Break, Object, kept
from tests.e2e.patience import eventually
from tests.e2e.site.playbooks import play
from tests.sandbox import nodes
from tests.sandbox.harness import Sandbox

Act = Callable[[Sandbox], None]
Place = tuple[str, str, str]
"""Kind, name and namespace."""
GATEWAY_NAMESPACE = "opendatahub"
HERE, THERE = f"--namespace={NAMESPACE}", f"--namespace={GATEWAY_NAMESPACE}"
SERVICE = ("llminferenceservice", NAME, HERE)
GATEWAY_PODS = "--selector=gateway.networking.k8s.io/gateway-name=inference-gateway"
SERVERS = f"--selector=app.kubernetes.io/name={NAME},kserve.io/component=workload"
CONTROLLER = ("deployment/llmisvc-controller-manager", THERE)
LOAD_BALANCER = ("configmap", "sandbox-load-balancer", "--namespace=kube-system")
WORKLOAD, WORKLOAD_SERVICE = f"{NAME}-kserve", f"{NAME}-kserve-workload-svc"
ROUTE, POOL = f"{NAME}-kserve-route", f"{NAME}-inference-pool"
POOLS = (
    "inferencepools.inference.networking.k8s.io",
    "inferencepools.inference.networking.x-k8s.io",
)


# Another field manager would be told of, and not overruled, by the next run of the phase.
OURSELVES = "llmd.tpu"


def patch(sandbox: Sandbox, *words: str, kind: str = "merge", change: Any) -> None:
    """Change one object."""
    sandbox.kubectl("patch", *words, f"--type={kind}", f"--patch={json.dumps(change)}")


def _until_served(sandbox: Sandbox, kind: str) -> None:
    eventually(
        lambda: "error" not in sandbox.kubectl("get", kind, HERE, check=False), f"{kind} is served"
    )


class Taken:
    """Objects that are taken away, and put back as they were, the last one first."""

    def __init__(self) -> None:
        self._kept: list[Object] = []

    def take(self, sandbox: Sandbox, *objects: Place) -> None:
        """Take them away, in this order."""
        places = [(kind, name, f"--namespace={where}") for kind, name, where in objects]
        self._kept = [kept(sandbox, *place) for place in places]
        for place in places:
            sandbox.kubectl("delete", *place, "--wait=false")

    def put(self, sandbox: Sandbox) -> None:
        """Put them back."""
        for one in reversed(self._kept):
            ours = "llmd.tpu/phase" in one["metadata"].get("labels", {})
            sandbox.apply(one, manager="llmd.tpu" if ours else None)


def taken(name: str, code: str, *objects: Place, after: Act | None = None, **given: Any) -> Break:
    """A break that takes objects away; ``after`` is done behind it, and again behind putting."""
    them = Taken()

    def do(sandbox: Sandbox) -> None:
        them.take(sandbox, *objects)
        if after:
            after(sandbox)

    def undo(sandbox: Sandbox) -> None:
        them.put(sandbox)
        if after:
            after(sandbox)

    return Break(name, code, do, undo, **given)


def applied(name: str, code: str, *objects: Object, **given: Any) -> Break:
    """A break by objects that are in the way."""

    def undo(sandbox: Sandbox) -> None:
        for one in objects:
            place = one["metadata"]
            where = f"--namespace={place['namespace']}"
            sandbox.kubectl("delete", one["kind"], place["name"], where, "--ignore-not-found")

    return Break(name, code, lambda sandbox: sandbox.apply(*objects), undo, **given)


def scaled(name: str, code: str, target: str, namespace: str, **given: Any) -> Break:
    """A Deployment without pods."""
    where = f"--namespace={namespace}"

    def scale(number: int) -> Act:
        def act(sandbox: Sandbox) -> None:
            sandbox.kubectl("scale", where, f"deployment/{target}", f"--replicas={number}")
            if number:
                words = ("rollout", "status", where, f"deployment/{target}", "--timeout=120s")
                sandbox.kubectl(*words)

        return act

    return Break(name, code, scale(0), scale(1), **given)


# --- gateway --------------------------------------------------------------------------------------


def new_gateway_pod(sandbox: Sandbox) -> None:
    """Let the gateway's pod be made anew."""
    sandbox.kubectl("delete", "pods", THERE, GATEWAY_PODS, "--timeout=60s")


def _gateway() -> list[Break]:
    parameters = ("configmap", "inference-gateway-config", THERE)
    before: list[Object] = []

    def settings(change: Callable[[Object], Object]) -> Act:
        """Change the gateway's Deployment by what istiod merges into it."""

        def act(sandbox: Sandbox) -> None:
            before.append(kept(sandbox, *parameters))
            spec = change(yaml.safe_load(before[-1]["data"]["deployment"])["spec"])
            data = {**before[-1]["data"], "deployment": yaml.safe_dump({"spec": spec})}
            sandbox.apply({**before[-1], "data": data}, manager=OURSELVES)

        return act

    def restore(sandbox: Sandbox) -> None:
        sandbox.apply(before.pop(), manager=OURSELVES)
        target = ("rollout", "status", THERE, "deployment/inference-gateway-istio")
        time.sleep(2)
        sandbox.kubectl(*target, "--timeout=120s")

    def withhold(sandbox: Sandbox) -> None:
        reason = "googleapi: Error 403: Quota 'FORWARDING_RULES' exceeded."
        sandbox.kubectl("create", *LOAD_BALANCER, f"--from-literal=withhold={reason}")

    secret = "redhat-pull-secret"
    return [
        taken(
            "gateway-image",
            "DIAGNOSIS-GATEWAY-IMAGE",
            ("secret", secret, GATEWAY_NAMESPACE),
            after=new_gateway_pod,
            follows=("SMOKE-CONNECTION-LOST",),
            words="is refused",
            quick=True,
        ),
        Break(
            "gateway-scaled",
            "DIAGNOSIS-GATEWAY-DOWN",
            settings(lambda spec: {**spec, "replicas": 0}),
            restore,
            words="scaled to 0",
        ),
        Break(
            "gateway-ca-not-mounted",
            "GATEWAY-CA-NOT-MOUNTED",
            settings(lambda _spec: {"replicas": 1}),
            restore,
            follows=("SMOKE-GATEWAY-CA",),
            seconds=90,
        ),
        taken(
            "gateway-bundle",
            "DIAGNOSIS-GATEWAY-CA-MISSING",
            ("configmap", "odh-ca-bundle", GATEWAY_NAMESPACE),
            after=new_gateway_pod,
            follows=("DIAGNOSIS-GATEWAY-DOWN",),
        ),
        Break(
            "gateway-address",
            "GATEWAY-NO-ADDRESS",
            withhold,
            lambda sandbox: _nothing(sandbox.kubectl("delete", *LOAD_BALANCER)),
            words="FORWARDING_RULES",
        ),
        taken(
            "gateway-missing",
            "GATEWAY-MISSING",
            ("gateway", "inference-gateway", GATEWAY_NAMESPACE),
            follows=("STARTUP-GATEWAY-MISSING",),
        ),
    ]


def _nothing(_output: object) -> None:
    pass


# --- kserve ---------------------------------------------------------------------------------------


def _kserve() -> list[Break]:
    hook = ("service", "llmisvc-webhook-server-service", THERE)

    def selecting(number: str) -> Act:
        def act(sandbox: Sandbox) -> None:
            change = [{"op": "add" if number else "remove", "path": "/spec/selector/nobody"}]
            patch(sandbox, *hook, kind="json", change=[{**change[0], "value": number}])

        return act

    return [
        scaled(
            "controller",
            "DIAGNOSIS-CONTROLLER-DOWN",
            "llmisvc-controller-manager",
            GATEWAY_NAMESPACE,
            follows=("DIAGNOSIS-WEBHOOK-NO-ENDPOINT",),
        ),
        _down_with("controller-and-route", "DIAGNOSIS-ROUTE-MISSING", (ROUTE, "httproute")),
        _down_with("controller-and-pool", "DIAGNOSIS-POOL-GROUP", (POOL, POOLS[0])),
        _down_with(
            "controller-and-pools", "DIAGNOSIS-POOL-MISSING", *((POOL, one) for one in POOLS)
        ),
        _down_with(
            "controller-and-scheduler",
            "DIAGNOSIS-SCHEDULER-DOWN",
            (f"{NAME}-kserve-router-scheduler", "deployment"),
        ),
        _down_with(
            "controller-and-service",
            "DIAGNOSIS-SERVICE-MISSING",
            (WORKLOAD_SERVICE, "service"),
        ),
        Break(
            "webhook-endpoints",
            "DIAGNOSIS-WEBHOOK-NO-ENDPOINT",
            selecting("yes"),
            selecting(""),
            words="llmisvc-webhook-server-service",
        ),
        taken(
            "configuration",
            "DIAGNOSIS-CONFIG-MISSING",
            ("configmap", "inferenceservice-config", GATEWAY_NAMESPACE),
            quick=True,
        ),
        taken(
            "preset",
            "STARTUP-PRESET-MISSING",
            ("llminferenceserviceconfig", "kserve-config-llm-scheduler", GATEWAY_NAMESPACE),
            words="kserve-config-llm-scheduler",
        ),
        _authority_lost(),
        _blind(),
        _without_kind(),
        _firewall("firewall", 9443),
        _firewall("firewall-istio", 15017),
    ]


def _down_with(name: str, code: str, *parts: tuple[str, str]) -> Break:
    """The controller rests while parts are deleted; it makes them anew when it is back."""
    stop = scaled(name, "", "llmisvc-controller-manager", GATEWAY_NAMESPACE)

    def do(sandbox: Sandbox) -> None:
        stop.do(sandbox)
        for part, kind in parts:
            sandbox.kubectl("delete", kind, part, HERE, "--wait=false")

    return Break(name, "DIAGNOSIS-CONTROLLER-DOWN", do, stop.undo, follows=(code,))


def _authority_lost() -> Break:
    objects = Taken()

    def do(sandbox: Sandbox) -> None:
        issued = sandbox.get("certificate", "--all-namespaces")["items"]
        [one] = [each for each in issued if each["spec"]["secretName"] == "opendatahub-ca"]
        place = one["metadata"]
        # The Certificate first: cert-manager would make the Secret anew.
        certificate = ("certificate", place["name"], place["namespace"])
        objects.take(sandbox, certificate, ("secret", "opendatahub-ca", "cert-manager"))

    return Break("authority-lost", "STARTUP-CERTIFICATE-MISSING", do, objects.put)


def restart_controller(sandbox: Sandbox) -> None:
    """Let KServe's controller ask anew which kinds there are."""
    sandbox.kubectl("rollout", "restart", *CONTROLLER)
    sandbox.kubectl("rollout", "status", *CONTROLLER, "--timeout=120s")


def _without_kind() -> Break:
    """Somebody removes the CRD of InferencePools, and the pools with it."""
    crd = Taken()

    def undo(sandbox: Sandbox) -> None:
        crd.put(sandbox)
        _until_served(sandbox, POOLS[0])
        restart_controller(sandbox)

    return Break(
        "crd-missing",
        "DIAGNOSIS-CRD-MISSING",
        lambda sandbox: crd.take(sandbox, ("crd", POOLS[0], "default")),
        undo,
        words=POOLS[0],
    )


def _blind() -> Break:
    """The CRD of routes comes after the controller, which makes routes and watches none."""
    crd = Taken()
    stop = scaled("", "", "llmisvc-controller-manager", GATEWAY_NAMESPACE)

    def route(sandbox: Sandbox) -> str:
        return sandbox.kubectl("get", "httproute", ROUTE, HERE, "--ignore-not-found", check=False)

    def do(sandbox: Sandbox) -> None:
        stop.do(sandbox)
        crd.take(sandbox, ("crd", "httproutes.gateway.networking.k8s.io", "default"))
        stop.undo(sandbox)
        crd.put(sandbox)
        _until_served(sandbox, "httproute")
        sandbox.kubectl("annotate", *SERVICE[:2], HERE, "tests/touched=1", "--overwrite")
        eventually(lambda: ROUTE in route(sandbox), "the route is there")

    return Break(
        "controller-blind",
        "DIAGNOSIS-CONTROLLER-BLIND",
        do,
        restart_controller,
        severity="warning",
    )


def _firewall(name: str, port: int) -> Break:
    """What the control plane sends to this port of any pod is lost, as in a private cluster."""
    table = "tests_firewall"

    def do(sandbox: Sandbox) -> None:
        rules = [
            f"add table inet {table}",
            f"add chain inet {table} lost {{ type filter hook output priority 0; }}",
            f"add rule inet {table} lost tcp dport {port} drop",
        ]
        sandbox.run("exec", "--", "nft", "; ".join(rules))

    def undo(sandbox: Sandbox) -> None:
        sandbox.run("exec", "--", "nft", f"delete table inet {table}")

    return Break(name, "DIAGNOSIS-WEBHOOK-FIREWALL", do, undo, words=f"tcp:{port}")


# --- operators ------------------------------------------------------------------------------------


def _operators() -> list[Break]:
    return [
        scaled(
            "istiod",
            "DIAGNOSIS-ISTIO-DOWN",
            "istiod",
            "istio-system",
            follows=("DIAGNOSIS-WEBHOOK-NO-ENDPOINT",),
        ),
        _cert_manager(),
        scaled("dns", "DIAGNOSIS-DNS-DOWN", "coredns", "kube-system"),
    ]


def _cert_manager() -> Break:
    """Its operator would bring it back at once, so that rests first."""
    name = "cert-manager-operator-controller-manager"
    operator = scaled("", "", name, "cert-manager-operator")
    controller = scaled("", "", "cert-manager", "cert-manager")
    where = "--namespace=cert-manager-operator"

    def do(sandbox: Sandbox) -> None:
        operator.do(sandbox)
        eventually(lambda: not sandbox.get("pods", where)["items"], "its pods are gone")
        controller.do(sandbox)

    def undo(sandbox: Sandbox) -> None:
        controller.undo(sandbox)
        operator.undo(sandbox)

    return Break("cert-manager", "DIAGNOSIS-CERT-MANAGER-DOWN", do, undo)


# --- model ----------------------------------------------------------------------------------------


def closed(name: str, labels: dict[str, str]) -> Object:
    """A policy that lets nobody in to some pods."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"]},
    }


def url(change: Callable[[str], str]) -> Callable[[Sandbox], Object]:
    """The URL in the user's hand, made from the right one."""

    def options(sandbox: Sandbox) -> Object:
        live = sandbox.get(*SERVICE)
        return {"url": change(live["status"]["url"])}

    return options


def wrong_url(name: str, change: Callable[[str], str], words: str = "") -> Break:
    """Nothing is broken but the URL."""
    keep: Act = lambda _sandbox: None  # noqa: E731
    return Break(name, "DIAGNOSIS-URL-WRONG", keep, keep, url(change), words=words)


def new_server(sandbox: Sandbox) -> None:
    """Take the model's pod away."""
    sandbox.kubectl("delete", "pods", HERE, SERVERS, "--wait=false")


def _model() -> list[Break]:
    scheduler = {"app.kubernetes.io/component": "llminferenceservice-router-scheduler"}
    address = f"/{NAMESPACE}/{NAME}"
    return [
        applied(
            "policy-server",
            "DIAGNOSIS-NETWORK-POLICY",
            closed("tests-closed", {"kserve.io/component": "workload"}),
            words="the gateway to the model server",
            quick=True,
        ),
        applied(
            "policy-scheduler",
            "DIAGNOSIS-NETWORK-POLICY",
            closed("tests-closed", scheduler),
            words="the gateway to the scheduler",
        ),
        wrong_url(
            "url-of-the-guide",
            lambda right: right.replace(address, "/v1/chat/completions"),
            "without a Host header",
        ),
        wrong_url("url-port", lambda right: right.replace(address, f":8000{address}"), "port 8000"),
        wrong_url("url-host", lambda _right: f"http://203.0.113.99{address}", "203.0.113.99"),
        wrong_url("url-scheme", lambda right: right.replace("http:", "https:"), "https"),
        applied("pool-group", "DIAGNOSIS-POOL-GROUP", _alpha_route(), seconds=90),
        _shadow(),
        _rollout(),
        _drained(),
        _reclaimed(),
        _dead_server(),
        _late(),
    ]


def _alpha_route() -> Object:
    """A route of somebody's own that names the pool of the older group, with a longer path."""
    path = {"type": "Exact", "value": f"/{NAMESPACE}/{NAME}/v1/completions"}
    backend = {"group": "inference.networking.x-k8s.io", "kind": "InferencePool", "name": POOL}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "tests-older-group", "namespace": NAMESPACE},
        "spec": {
            "parentRefs": [{"name": "inference-gateway", "namespace": GATEWAY_NAMESPACE}],
            "rules": [{"matches": [{"path": path}], "backendRefs": [{**backend, "port": 8000}]}],
        },
    }


def _shadow() -> Break:
    """The pool is to fail closed from now on; Istio's own Service keeps the old word."""

    def do(sandbox: Sandbox) -> None:
        spec = sandbox.get(POOLS[0], POOL, HERE)["spec"]
        spec["endpointPickerRef"]["failureMode"] = "FailClose"
        change = {"spec": {"router": {"scheduler": {"pool": {"spec": spec}}}}}
        patch(sandbox, *SERVICE, change=change)

    def undo(sandbox: Sandbox) -> None:
        patch(sandbox, *SERVICE, change={"spec": {"router": {"scheduler": {"pool": None}}}})

    return Break("shadow-service", "DIAGNOSIS-SHADOW-OLD", do, undo, words="FailOpen")


def server_variable(sandbox: Sandbox, name: str, value: str | None) -> None:
    """Set or remove a variable of the model server, which makes another pod."""
    live = sandbox.get(*SERVICE)
    containers = live["spec"]["template"]["containers"]
    [main] = [one for one in containers if one["name"] == "main"]
    main["env"] = [one for one in main.get("env", []) if one["name"] != name]
    if value is not None:
        main["env"].append({"name": name, "value": value})
    patch(sandbox, *SERVICE, change={"spec": {"template": {"containers": containers}}})


def _rollout() -> Break:
    return Break(
        "rollout-stuck",
        "DIAGNOSIS-ROLLOUT-STUCK",
        lambda sandbox: server_variable(sandbox, "TESTS_CHANGED", "1"),
        lambda sandbox: server_variable(sandbox, "TESTS_CHANGED", None),
        words="delete pod",
        seconds=90,
    )


def node_of(sandbox: Sandbox) -> str:
    """The node of the model's pod, once there is one alone: the break before may leave two."""

    def running() -> list[Object]:
        pods = sandbox.get("pods", HERE, SERVERS, "--field-selector=status.phase=Running")["items"]
        return [one for one in pods if "deletionTimestamp" not in one["metadata"]]

    eventually(lambda: len(running()) == 1, "one server runs")
    [pod] = running()
    return str(pod["spec"]["nodeName"])


def _drained() -> Break:
    def do(sandbox: Sandbox) -> None:
        sandbox.kubectl("cordon", node_of(sandbox))
        new_server(sandbox)

    def undo(sandbox: Sandbox) -> None:
        for node in sandbox.get("nodes")["items"]:
            sandbox.kubectl("uncordon", node["metadata"]["name"])

    return Break("node-drained", "DIAGNOSIS-NODE-DRAINED", do, undo, words="uncordon")


def _reclaimed() -> Break:
    """The cloud takes the machine back: its kubelet ends, and the node goes."""
    gone: list[nodes.NodeRequest] = []

    def do(sandbox: Sandbox) -> None:
        name = node_of(sandbox)
        gone.append(nodes.requested(sandbox.state)[name])
        (sandbox.state.node_requests / f"{name}.json").unlink()
        time.sleep(3)
        sandbox.kubectl("delete", "node", name)
        sandbox.kubectl("delete", "pods", HERE, SERVERS, "--force", "--grace-period=0", check=False)

    def undo(sandbox: Sandbox) -> None:
        for node in gone:
            nodes.request(sandbox.state, node)
        gone.clear()

    return Break("node-reclaimed", "DIAGNOSIS-NODE-RECLAIMED", do, undo, seconds=90)


_SIGNAL = """
import os, signal
for number in filter(str.isdigit, os.listdir("/proc")):
    with open(f"/proc/{number}/cmdline", "rb") as stream:
        words = stream.read()
    if b"vllm" in words and b"serve" in words and int(number) not in (1, os.getpid()):
        os.kill(int(number), signal.{signal})
"""


def signal_server(sandbox: Sandbox, name: str, signal: str) -> None:
    """Send a signal to the model server in a service's only pod."""
    selector = f"--selector=app.kubernetes.io/name={name},kserve.io/component=workload"
    [pod] = sandbox.get("pods", HERE, selector)["items"]
    program = _SIGNAL.replace("{signal}", signal)
    words = ("exec", HERE, pod["metadata"]["name"], "--container=main", "--", "python3", "-c")
    sandbox.kubectl(*words, program)


def _dead_server() -> Break:
    """The server hangs, and its probes come seldom enough that the pod stays Ready."""
    seldom = {"periodSeconds": 30, "failureThreshold": 20}
    before: list[Any] = []

    def do(sandbox: Sandbox) -> None:
        live = sandbox.get(*SERVICE)
        containers = live["spec"]["template"]["containers"]
        before.append(json.loads(json.dumps(containers)))
        [main] = [one for one in containers if one["name"] == "main"]
        main["livenessProbe"] = {**main.get("livenessProbe", {}), **seldom}
        main["readinessProbe"] = {**main.get("readinessProbe", {}), **seldom}
        replace_server(sandbox, containers)
        signal_server(sandbox, NAME, "SIGSTOP")

    def undo(sandbox: Sandbox) -> None:
        replace_server(sandbox, before.pop())

    return Break("server-dead", "DIAGNOSIS-SERVER-DEAD", do, undo, words="/health", seconds=90)


def replace_server(sandbox: Sandbox, containers: Any) -> None:
    """Change the server's containers, and let the new pod have the only node."""
    old = _servers(sandbox)
    patch(sandbox, *SERVICE, change={"spec": {"template": {"containers": containers}}})
    eventually(lambda: _servers(sandbox) != old, "there is a new server")
    for name in old:
        sandbox.kubectl("delete", "pod", name, HERE, "--grace-period=1", "--wait=false")
    eventually(lambda: _ready(sandbox, old), "the new server is ready")


def _servers(sandbox: Sandbox) -> set[str]:
    """The names of the servers' pods."""
    return {one["metadata"]["name"] for one in sandbox.get("pods", HERE, SERVERS)["items"]}


def _ready(sandbox: Sandbox, old: set[str]) -> bool:
    pods = sandbox.get("pods", HERE, SERVERS)["items"]
    return len(pods) == 1 and all(
        one["metadata"]["name"] not in old
        and any(
            each["type"] == "Ready" and each["status"] == "True"
            for each in one["status"].get("conditions", ())
        )
        for one in pods
    )


def _late() -> Break:
    """The first answer takes longer than anybody waits."""
    name = "SANDBOX_VLLM_FIRST_TOKEN_SECONDS"

    def set_to(value: str | None) -> Act:
        def act(sandbox: Sandbox) -> None:
            live = sandbox.get(*SERVICE)
            containers = live["spec"]["template"]["containers"]
            [main] = [one for one in containers if one["name"] == "main"]
            main["env"] = [one for one in main.get("env", []) if one["name"] != name]
            main["env"] += [{"name": name, "value": value}] if value else []
            replace_server(sandbox, containers)

        return act

    return Break(
        "first-inference-late",
        "SMOKE-TIMEOUT",
        set_to("60"),
        set_to(None),
        lambda _sandbox: {"first_timeout": 5},
        follows=("SMOKE-SERVER-WORKING",),
        seconds=90,
    )


# --- certificates ---------------------------------------------------------------------------------

HTTPS = "tests-https"


def _listener_expired() -> Break:
    """A Gateway of its own, whose certificate has run out."""
    place = {"name": HTTPS, "namespace": GATEWAY_NAMESPACE}

    def do(sandbox: Sandbox) -> None:
        pem, key = self_signed("gateway", hours=-1)
        data = {"tls.crt": pem, "tls.key": key}
        tls = {"certificateRefs": [{"name": HTTPS}]}
        listener = {"name": "https", "port": 443, "protocol": "HTTPS", "tls": tls}
        version = "gateway.networking.k8s.io/v1"
        like = sandbox.get("gateway", "inference-gateway", THERE)["spec"]
        sandbox.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "kubernetes.io/tls",
                "metadata": place,
                "data": {name: base64.b64encode(text).decode() for name, text in data.items()},
            },
            {
                "apiVersion": version,
                "kind": "Gateway",
                "metadata": place,
                "spec": {**like, "listeners": [listener]},
            },
        )

    def undo(sandbox: Sandbox) -> None:
        sandbox.kubectl("delete", "gateway,secret", HTTPS, THERE, "--ignore-not-found")

    def options(_sandbox: Sandbox) -> Object:
        return {"gateway": f"{GATEWAY_NAMESPACE}/{HTTPS}", "ask": False}

    return Break("listener-expired", "DIAGNOSIS-CERTIFICATE-EXPIRED", do, undo, options, seconds=90)


def _authority_reissued() -> Break:
    """cert-manager makes the authority anew, and the gateway still trusts the old one."""

    def do(sandbox: Sandbox) -> None:
        sandbox.kubectl("delete", "secret", "opendatahub-ca", "--namespace=cert-manager")

    def undo(sandbox: Sandbox) -> None:
        done = play(sandbox.folder, "gateway")
        assert done.code == 0, done.output[-3000:]
        # The server's certificate is of the old authority, until KServe makes it anew.
        secret = f"{NAME}-kserve-self-signed-certs"
        sandbox.kubectl("delete", "secret", secret, HERE, "--ignore-not-found")

    return Break("authority-reissued", "GATEWAY-CA-OLD", do, undo, severity="warning")


def _certificates() -> list[Break]:
    return [_listener_expired(), _authority_reissued()]


BREAKS: list[Break] = [*_gateway(), *_kserve(), *_operators(), *_model(), *_certificates()]
