// Copyright: (c) 2026, llmd.tpu contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

package main

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/volume"
)

// ownerless is a volume plugin that leaves files to the node's own user. Inside
// the user namespace of an ordinary user there is only one id, so the kubelet
// could not give a file to a pod's user or group; and all containers run under
// that same id, whatever number they see.
type ownerless struct{ volume.VolumePlugin }

func (p ownerless) NewMounter(spec *volume.Spec, pod *v1.Pod) (volume.Mounter, error) {
	mounter, err := p.VolumePlugin.NewMounter(spec, pod)
	if err != nil {
		return nil, err
	}
	return ownerlessMounter{mounter}, nil
}

type ownerlessMounter struct{ volume.Mounter }

func (m ownerlessMounter) SetUp(arguments volume.MounterArgs) error {
	arguments.FsUser, arguments.FsGroup = nil, nil
	return m.Mounter.SetUp(arguments)
}

// withoutOwners wraps the plugins whose files the kubelet itself writes.
func withoutOwners(plugins []volume.VolumePlugin) []volume.VolumePlugin {
	wrapped := make([]volume.VolumePlugin, len(plugins))
	for position, plugin := range plugins {
		switch plugin.GetPluginName() {
		case "kubernetes.io/configmap", "kubernetes.io/downward-api", "kubernetes.io/empty-dir",
			"kubernetes.io/projected", "kubernetes.io/secret":
			plugin = ownerless{plugin}
		}
		wrapped[position] = plugin
	}
	return wrapped
}
