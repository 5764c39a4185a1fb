// Copyright: (c) 2026, llmd.tpu contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

// Command node is one GKE-shaped node of the sandbox: the real kubelet
// (k8s.io/kubernetes/cmd/kubelet/app) with two of its parts exchanged.
//
// The container manager and cadvisor, which need cgroups, are replaced by
// declared figures (container_manager.go), and the container runtime is ours: it runs
// every container as processes under bubblewrap, each pod in a network
// namespace of its own (runtime.go, process.go, network.go). Everything else,
// probes, restarts, back-off, volumes, environment, events, logs, exec and
// port-forward, is the kubelet's own code.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/kubelet/prober/testing"
	"k8s.io/kubernetes/pkg/util/oom"
)

// Config is the whole description of one node, read from the file given by --config.
type Config struct {
	Name        string            `json:"name"`
	Address     string            `json:"address"`
	ProviderID  string            `json:"provider_id"`
	Labels      map[string]string `json:"labels"`
	Taints      []string          `json:"taints"` // KEY=VALUE:EFFECT
	CPU         int               `json:"cpu"`
	Memory      string            `json:"memory"` // a Kubernetes quantity
	Chips       int               `json:"tpu_chips"`
	Accelerator string            `json:"accelerator"`
	Topology    string            `json:"topology"`
	Hollow      bool              `json:"hollow"`  // no processes and no probes: for many pods at once
	Resumed     bool              `json:"resumed"` // the cluster comes from a snapshot: its pods go on where they were
	MaxPods     int32             `json:"max_pods"`
	PodCIDR     string            `json:"pod_cidr"`
	Kubeconfig  string            `json:"kubeconfig"`
	ClientCA    string            `json:"client_ca"`
	ClusterDNS  string            `json:"cluster_dns"`
	Images      string            `json:"images"` // the image table
	Variables   map[string]string `json:"variables"`
	StateDir    string            `json:"state_dir"`
	LogDir      string            `json:"log_dir"`
}

func main() {
	path := flag.String("config", "", "the node's description, a JSON file")
	klog.InitFlags(nil)
	flag.Parse()
	if err := run(context.Background(), *path); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string) error {
	config, err := readConfig(path)
	if err != nil {
		return err
	}
	table, err := readImageTable(config.Images, config.Variables)
	if err != nil {
		return err
	}
	socket := filepath.Join("/run", "cri-"+config.Name+".sock")
	runtime, err := newRuntime(config, table)
	if err != nil {
		return err
	}
	if err := runtime.serve(socket); err != nil {
		return err
	}
	return runKubelet(ctx, config, socket)
}

func readConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the node's description (--config): %w", err)
	}
	config := &Config{MaxPods: 110, ClusterDNS: "10.96.0.10"}
	if err := json.Unmarshal(text, config); err != nil {
		return nil, fmt.Errorf("the node's description %s: %w", path, err)
	}
	return config, nil
}

// runKubelet starts the real kubelet; it returns only on failure.
func runKubelet(ctx context.Context, config *Config, socket string) error {
	server, err := kubeletServer(config, socket)
	if err != nil {
		return err
	}
	gates := utilfeature.DefaultFeatureGate
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(server.FeatureGates); err != nil {
		return err
	}
	dependencies, err := app.UnsecuredDependencies(ctx, server, gates)
	if err != nil {
		return err
	}
	memory := resource.MustParse(config.Memory)
	dependencies.CAdvisorInterface = &machine{name: config.Name, cores: config.CPU, memory: uint64(memory.Value())}
	dependencies.ContainerManager = newContainerManager(config, runtimeDir(config))
	dependencies.OOMAdjuster = oom.NewFakeOOMAdjuster()
	dependencies.VolumePlugins = withoutOwners(dependencies.VolumePlugins)
	if config.Hollow {
		dependencies.ProbeManager = testing.FakeManager{}
	}
	return app.Run(ctx, server, dependencies, gates)
}

// kubeletServer holds the kubelet's flags and configuration for a node without cgroups.
func kubeletServer(config *Config, socket string) (*options.KubeletServer, error) {
	flags := options.NewKubeletFlags()
	flags.KubeConfig = config.Kubeconfig
	flags.HostnameOverride = config.Name
	flags.NodeIP = config.Address
	flags.RootDirectory = filepath.Join(config.StateDir, "kubelet")
	flags.CertDirectory = filepath.Join(config.StateDir, "pki")
	flags.NodeLabels = config.Labels
	flags.MinimumGCAge = metav1.Duration{}

	kubelet, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, err
	}
	taints, err := parseTaints(config.Taints)
	if err != nil {
		return nil, err
	}
	kubelet.RegisterWithTaints = taints
	kubelet.ProviderID = config.ProviderID
	kubelet.Address = config.Address
	kubelet.ContainerRuntimeEndpoint = "unix://" + socket
	kubelet.Authentication.X509.ClientCAFile = config.ClientCA
	kubelet.ClusterDNS = []string{config.ClusterDNS}
	kubelet.ClusterDomain = "cluster.local"
	kubelet.ResolverConfig = ""
	kubelet.MaxPods = config.MaxPods
	kubelet.PodLogsDir = config.LogDir
	kubelet.HealthzPort = 0
	kubelet.ReadOnlyPort = 0
	kubelet.FailSwapOn = false
	kubelet.FailCgroupV1 = false
	kubelet.CgroupsPerQOS = false
	kubelet.EnforceNodeAllocatable = nil
	kubelet.LocalStorageCapacityIsolation = false
	kubelet.EvictionHard = map[string]string{}
	kubelet.MakeIPTablesUtilChains = false
	kubelet.SerializeImagePulls = false
	kubelet.ImageGCHighThresholdPercent = 100
	kubelet.VolumePluginDir = filepath.Join(config.StateDir, "volume-plugins")
	kubelet.FeatureGates = map[string]bool{"KubeletInUserNamespace": true}
	// A node's own heartbeat every 10 s and a sync every minute are the kubelet's defaults.
	kubelet.VolumeStatsAggPeriod = metav1.Duration{Duration: time.Hour}
	return &options.KubeletServer{KubeletFlags: *flags, KubeletConfiguration: *kubelet}, nil
}

func parseTaints(texts []string) ([]v1.Taint, error) {
	var taints []v1.Taint
	for _, text := range texts {
		keyValue, effect, hasEffect := strings.Cut(text, ":")
		key, value, _ := strings.Cut(keyValue, "=")
		if !hasEffect {
			return nil, fmt.Errorf("taint %q: expected KEY=VALUE:EFFECT", text)
		}
		taints = append(taints, v1.Taint{Key: key, Value: value, Effect: v1.TaintEffect(effect)})
	}
	return taints, nil
}

// runtimeDir is where the runtime keeps what belongs to pods and containers.
func runtimeDir(config *Config) string { return filepath.Join(config.StateDir, "runtime") }
