#!/usr/bin/env bash
# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
#
# Pattern 1 by hand: the guide's steps in the order that works, with helm template, kustomize,
# kubectl apply --server-side and kubectl wait. No sleeps, no restarts, no second attempts.
# What the collection is measured against, so it does nothing that is not needed.
#
#   guide.sh [PHASE…]     of operators kserve gateway namespace model ask; all without a word
#
# From the environment: KUBECONFIG, KUBECTL, HELM, CERT_MANAGER_CHART, SAIL_CHART, ISTIO_VERSION,
# GATEWAY_API_CRDS, INFERENCE_EXTENSION_CRDS, KSERVE_MANIFESTS, KSERVE_API (of the service),
# AUTH (base64 of an auth.json), HUB_TOKEN (base64), GATEWAY (HOST:PORT that leads to the gateway).
set -euo pipefail

wait_for=180s
secret=redhat-pull-secret
place=llm-d-inference-scheduling
model=qwen2-3b-pattern1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

apply() {
  "$KUBECTL" apply --server-side --force-conflicts --field-manager=guide "$@"
}

until_() { # until_ CONDITION ARGUMENT…
  "$KUBECTL" wait --timeout="$wait_for" --for="$1" "${@:2}"
}

# A condition that may not be there yet: `kubectl wait --for=condition=…` can stop at a new CRD
# with "accessor error", this form waits.
condition() { # condition TYPE ARGUMENT…
  until_ "jsonpath={.status.conditions[?(@.type==\"$1\")].status}=True" "${@:2}"
}

namespace_and_secret() { # namespace_and_secret NAMESPACE…
  for name in "$@"; do
    cat <<EOF
---
apiVersion: v1
kind: Namespace
metadata: {name: $name}
---
apiVersion: v1
kind: Secret
metadata: {name: $secret, namespace: $name}
type: kubernetes.io/dockerconfigjson
data: {.dockerconfigjson: $AUTH}
EOF
  done
}

operators() {
  local base="$INFERENCE_EXTENSION_CRDS/bases/inference.networking"
  apply --filename="$CERT_MANAGER_CHART/manifests-crds" --filename="$SAIL_CHART/manifests-crds" \
    --filename="$GATEWAY_API_CRDS" \
    --filename="$base.x-k8s.io_inferencepools.yaml" \
    --filename="$base.x-k8s.io_inferenceobjectives.yaml" \
    --filename="$base.x-k8s.io_inferencepoolimports.yaml" \
    --filename="$base.k8s.io_inferencepools.yaml" \
    --filename=<(namespace_and_secret cert-manager-operator cert-manager istio-system)
  condition Established customresourcedefinitions --all >/dev/null

  mkdir "$work/operators"
  "$HELM" template cert-manager-operator "$CERT_MANAGER_CHART" --namespace=cert-manager-operator \
    >"$work/operators/cert-manager.yaml"
  "$HELM" template sail-operator "$SAIL_CHART" --namespace=istio-system \
    >"$work/operators/sail.yaml"
  cat >"$work/operators/operands.yaml" <<EOF
apiVersion: config.openshift.io/v1
kind: Infrastructure
metadata: {name: cluster}
spec: {}
---
apiVersion: operator.openshift.io/v1alpha1
kind: CertManager
metadata: {name: cluster}
spec: {managementState: Managed, logLevel: Normal, operatorLogLevel: Normal}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: istiod
  namespace: istio-system
  labels: {app.kubernetes.io/managed-by: Helm}
  annotations:
    meta.helm.sh/release-name: default-istiod
    meta.helm.sh/release-namespace: istio-system
imagePullSecrets: [{name: $secret}]
EOF
  # The chart fixes a version, and gives a namespace to an object that has none.
  cat >"$work/operators/kustomization.yaml" <<EOF
resources: [cert-manager.yaml, sail.yaml, operands.yaml]
patches:
  - target: {kind: Istio}
    patch: |
      - {op: remove, path: /metadata/namespace}
      - {op: replace, path: /spec/version, value: $ISTIO_VERSION}
      - {op: add, path: /spec/values/global, value: {imagePullSecrets: [$secret]}}
EOF
  apply --kustomize="$work/operators"

  condition Available --namespace=cert-manager-operator \
    deployment/cert-manager-operator-controller-manager
  condition Available --namespace=istio-system deployment/servicemesh-operator3
  local cert_manager=(deployment/cert-manager deployment/cert-manager-cainjector deployment/cert-manager-webhook)
  until_ create --namespace=cert-manager "${cert_manager[@]}"
  condition Available --namespace=cert-manager "${cert_manager[@]}"
  condition Ready istio/default
  until_ create --namespace=istio-system deployment/istiod
  condition Available --namespace=istio-system deployment/istiod
  until_ create gatewayclass/istio
  condition Accepted gatewayclass/istio

  local webhooks=(mutatingwebhookconfiguration/istio-sidecar-injector
    validatingwebhookconfiguration/istio-validator-istio-system)
  until_ create "${webhooks[@]}"
  "$KUBECTL" annotate --overwrite "${webhooks[@]}" sailoperator.io/ignore=true
}

# The rendered overlay by what must be there before the next: crds, core, webhooks, configs.
# The CRDs of the inference extension are there since phase operators, and newer.
split() {
  awk -v folder="$1" '
    function flush() {
      if (kind == "CustomResourceDefinition") file = "crds"
      else if (kind ~ /WebhookConfiguration$/) file = "webhooks"
      else if (kind == "LLMInferenceServiceConfig") file = "configs"
      else file = "core"
      if (document != "" && !foreign) print "---\n" document >(folder "/" file ".yaml")
      document = ""; kind = ""; foreign = 0
    }
    /^---$/ { flush(); next }
    /^kind: / { kind = $2 }
    /^  group: inference\.networking/ { foreign = 1 }
    { document = document $0 "\n" }
    END { flush() }'
}

kserve() {
  apply --filename=- <<EOF
apiVersion: v1
kind: Namespace
metadata: {name: opendatahub}
EOF
  until_ 'jsonpath={.webhooks[0].clientConfig.caBundle}' \
    validatingwebhookconfiguration/cert-manager-webhook >/dev/null
  apply --kustomize="$KSERVE_MANIFESTS/config/overlays/odh-test/cert-manager"
  condition Ready clusterissuer/opendatahub-ca-issuer

  "$KUBECTL" kustomize --load-restrictor=LoadRestrictionsNone \
    "$KSERVE_MANIFESTS/config/overlays/odh-xks" | split "$work"
  apply --filename="$work/crds.yaml"
  condition Established --filename="$work/crds.yaml"
  apply --filename="$work/core.yaml"
  local controllers
  controllers=$(awk '/^kind: /{kind=$2} /^  name: /&&kind=="Deployment"{print "deployment/" $2; kind=""}' \
    "$work/core.yaml")
  condition Available --namespace=opendatahub "$controllers"
  apply --filename="$work/webhooks.yaml"
  until_ 'jsonpath={.webhooks[0].clientConfig.caBundle}' --filename="$work/webhooks.yaml" >/dev/null
  if grep -q '^    strategy: Webhook' "$work/crds.yaml"; then
    until_ 'jsonpath={.spec.conversion.webhook.clientConfig.caBundle}' --filename="$work/crds.yaml" \
      >/dev/null
  fi
  apply --filename="$work/configs.yaml"
}

gateway() {
  local folder="$work/gateway"
  mkdir "$folder"
  "$KUBECTL" get secret opendatahub-ca --namespace=cert-manager \
    --output='go-template={{index .data "ca.crt" | base64decode}}' >"$folder/ca.crt"
  # The pull secret goes into the pod's template: no account to patch, no pod to restart.
  cat >"$folder/deployment" <<EOF
spec:
  template:
    spec:
      imagePullSecrets: [{name: $secret}]
      containers:
        - name: istio-proxy
          volumeMounts:
            - {name: odh-ca-bundle, mountPath: /var/run/secrets/opendatahub, readOnly: true}
      volumes:
        - {name: odh-ca-bundle, configMap: {name: odh-ca-bundle}}
EOF
  namespace_and_secret opendatahub >"$folder/place.yaml"
  cat >"$folder/gateway.yaml" <<EOF
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: inference-gateway
  namespace: opendatahub
spec:
  gatewayClassName: istio
  infrastructure:
    labels: {serving.kserve.io/gateway: kserve-ingress-gateway}
    parametersRef: {group: "", kind: ConfigMap, name: inference-gateway-config}
  listeners:
    - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
EOF
  cat >"$folder/kustomization.yaml" <<EOF
resources: [place.yaml, gateway.yaml]
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
  - {name: odh-ca-bundle, namespace: opendatahub, files: [ca.crt]}
  - {name: inference-gateway-config, namespace: opendatahub, files: [deployment]}
EOF
  apply --kustomize="$folder"
  condition Programmed --namespace=opendatahub gateway/inference-gateway
  condition Available --namespace=opendatahub deployment/inference-gateway-istio
}

namespace() {
  {
    namespace_and_secret "$place"
    cat <<EOF
---
apiVersion: v1
kind: Secret
metadata: {name: hf-token, namespace: $place}
type: Opaque
data: {HF_TOKEN: $HUB_TOKEN}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: $place}
imagePullSecrets: [{name: $secret}]
secrets: [{name: hf-token}]
EOF
  } | apply --filename=-
}

model() {
  local probe='httpGet: {path: /health, port: 8000, scheme: HTTPS}'
  apply --filename=- <<EOF
apiVersion: $KSERVE_API
kind: LLMInferenceService
metadata: {name: $model, namespace: $place}
spec:
  model: {uri: "hf://Qwen/Qwen2.5-3B-Instruct", name: Qwen/Qwen2.5-3B-Instruct}
  replicas: 1
  router: {route: {}, gateway: {}, scheduler: {}}
  template:
    nodeSelector:
      cloud.google.com/gke-tpu-accelerator: tpu-v6e-slice
      cloud.google.com/gke-tpu-topology: 2x2
    tolerations: [{key: google.com/tpu, operator: Exists, effect: NoSchedule}]
    imagePullSecrets: [{name: $secret}]
    containers:
      - name: main
        image: registry.redhat.io/rhaiis/vllm-tpu-rhel9:3.2.5
        env:
          - name: VLLM_ADDITIONAL_ARGS
            value: --tensor-parallel-size 4 --max-model-len 2048 --dtype bfloat16
        resources:
          requests: {google.com/tpu: "4"}
          limits: {google.com/tpu: "4"}
        startupProbe: {$probe, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 300}
        livenessProbe: {$probe, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 3}
        readinessProbe: {$probe, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3}
EOF
  condition Ready --namespace="$place" "llminferenceservice/$model"
  until_ 'jsonpath={.status.url}' --namespace="$place" "llminferenceservice/$model" >/dev/null
}

# The playbook asks the model at its end, so this asks too. The route may be a moment younger than
# the word Ready.
ask() {
  local url
  url=$("$KUBECTL" get --namespace="$place" "llminferenceservice/$model" --output='jsonpath={.status.url}')
  curl --silent --show-error --fail --retry 60 --retry-delay 1 --retry-all-errors \
    --connect-to "::$GATEWAY" --header 'Content-Type: application/json' \
    --data '{"model": "Qwen/Qwen2.5-3B-Instruct", "prompt": "In one sentence, what is a TPU?", "max_tokens": 32}' \
    "$url/v1/completions"
}

for phase in "${@:-operators kserve gateway namespace model ask}"; do
  for step in $phase; do
    echo "== $step"
    "$step"
  done
done
