// Copyright: (c) 2026, llmd.tpu contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	cadvisorapi "github.com/google/cadvisor/info/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	fakecadvisor "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
)

// tpuResource is the extended resource that GKE's TPU device plugin registers.
const tpuResource = v1.ResourceName("google.com/tpu")

// machine gives the node's declared size in place of what cadvisor would measure.
type machine struct {
	fakecadvisor.Fake
	name   string
	cores  int
	memory uint64 // bytes
}

func (m *machine) MachineInfo() (*cadvisorapi.MachineInfo, error) {
	return &cadvisorapi.MachineInfo{
		NumCores:       m.cores,
		MemoryCapacity: m.memory,
		MachineID:      m.name,
		SystemUUID:     m.name,
		BootID:         m.name,
		InstanceID:     cadvisorapi.InstanceID(m.name),
	}, nil
}

func (m *machine) VersionInfo() (*cadvisorapi.VersionInfo, error) {
	return &cadvisorapi.VersionInfo{
		KernelVersion:      "6.6.0-sandbox",
		ContainerOsVersion: "Container-Optimized OS from Google (sandbox)",
	}, nil
}

// containerManager is the kubelet's own stub (no cgroups) that also plays the
// TPU device plugin: it declares the node's chips and hands them to containers.
type containerManager struct {
	cm.ContainerManager
	config  *Config
	devices string // folder of the files that stand for /dev/vfio/N
}

func newContainerManager(config *Config, dir string) cm.ContainerManager {
	chips := v1.ResourceList{}
	if config.Chips > 0 {
		chips[tpuResource] = *resource.NewQuantity(int64(config.Chips), resource.DecimalSI)
	}
	return &containerManager{
		ContainerManager: cm.NewStubContainerManagerWithDevicePluginResource(chips),
		config:           config,
		devices:          filepath.Join(dir, "devices"),
	}
}

// GetCapacity declares the boot disk, which the scheduler counts ephemeral storage against.
func (m *containerManager) GetCapacity(bool) v1.ResourceList {
	return v1.ResourceList{v1.ResourceEphemeralStorage: resource.MustParse("200Gi")}
}

// GetResources is what the device plugin's Allocate answers: device files and
// environment of a single-host slice (ai-on-gke/tpu-device-plugin, pkg/util).
func (m *containerManager) GetResources(_ context.Context, _ *v1.Pod, container *v1.Container) (*kubecontainer.RunContainerOptions, error) {
	options := &kubecontainer.RunContainerOptions{}
	quantity, asked := container.Resources.Limits[tpuResource]
	chips := int(quantity.Value())
	if !asked || chips == 0 {
		return options, nil
	}
	if err := os.MkdirAll(m.devices, 0o755); err != nil {
		return nil, err
	}
	for chip := range chips {
		file := filepath.Join(m.devices, fmt.Sprint(chip))
		if err := os.WriteFile(file, nil, 0o666); err != nil {
			return nil, err
		}
		options.Mounts = append(options.Mounts, kubecontainer.Mount{
			Name:          fmt.Sprintf("vfio-%d", chip),
			ContainerPath: fmt.Sprintf("/dev/vfio/%d", chip),
			HostPath:      file,
		})
	}
	for name, value := range tpuEnvironment(m.config.Accelerator, m.config.Topology, m.config.Chips) {
		options.Envs = append(options.Envs, kubecontainer.EnvVar{Name: name, Value: value})
	}
	return options, nil
}

// tpuEnvironment holds the variables that the device plugin injects on a single-host node.
func tpuEnvironment(accelerator, topology string, chips int) map[string]string {
	bounds := map[int]string{1: "1,1,1", 2: "1,2,1", 4: "2,2,1", 8: "2,4,1"}[chips]
	ports := make([]string, chips)
	for chip := range chips {
		ports[chip] = fmt.Sprint(8431 + chip)
	}
	generation := strings.TrimSuffix(strings.TrimPrefix(accelerator, "tpu-"), "-slice")
	return map[string]string{
		"TPU_SKIP_MDS_QUERY":        "true",
		"TPU_TOPOLOGY":              topology,
		"TPU_ACCELERATOR_TYPE":      fmt.Sprintf("%s-%d", generation, chips),
		"CHIPS_PER_HOST_BOUNDS":     bounds,
		"TPU_CHIPS_PER_HOST_BOUNDS": bounds,
		"HOST_BOUNDS":               "1,1,1",
		"TPU_HOST_BOUNDS":           "1,1,1",
		"TPU_TOPOLOGY_WRAP":         "false,false,false",
		"WRAP":                      "false,false,false",
		"ALT":                       "false",
		"TPU_TOPOLOGY_ALT":          "false",
		"TPU_RUNTIME_METRICS_PORTS": strings.Join(ports, ","),
		"TPU_WORKER_ID":             "0",
		"TPU_WORKER_HOSTNAMES":      "localhost",
	}
}
