// Copyright: (c) 2026, llmd.tpu contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// gatewayAddress is where every pod sends its packets: the node's end of the
// pod's own link. All traffic between pods is routed through the node, so
// that nftables (kube-proxy, network policies) sees it, without a bridge.
const gatewayAddress = "169.254.1.1"

// network gives each pod a network namespace and an address of the node's range.
type network struct {
	mutex     sync.Mutex
	prefix    netip.Prefix
	file      string            // the table survives the node, so that a restored cluster keeps its addresses
	addresses map[string]string // pod UID -> address
}

func newNetwork(cidr, file string) (*network, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return nil, fmt.Errorf("pod_cidr: %w", err)
	}
	n := &network{prefix: prefix, file: file, addresses: map[string]string{}}
	if text, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(text, &n.addresses); err != nil {
			return nil, fmt.Errorf("the table of pod addresses %s: %w", file, err)
		}
	}
	return n, nil
}

// allocate returns the pod's address, the same one as long as the pod lives.
func (n *network) allocate(uid string) (string, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if address, known := n.addresses[uid]; known {
		return address, nil
	}
	taken := map[string]bool{}
	for _, address := range n.addresses {
		taken[address] = true
	}
	first := n.prefix.Addr().Next().Next()
	for address := first; n.prefix.Contains(address); address = address.Next() {
		if !taken[address.String()] {
			n.addresses[uid] = address.String()
			return address.String(), n.save()
		}
	}
	return "", fmt.Errorf("no free address in %s", n.prefix)
}

func (n *network) release(uid string) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	delete(n.addresses, uid)
	return n.save()
}

func (n *network) save() error {
	text, err := json.Marshal(n.addresses)
	if err != nil {
		return err
	}
	temporary := n.file + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, n.file)
}

func namespacePath(name string) string { return filepath.Join("/run/netns", name) }

// linkName is the node's end of a pod's link; an interface name holds 15 characters.
func linkName(id string) string { return "pod" + id[:12] }

// attach makes the pod's network namespace and its link to the node.
func attach(id, address string, sysctls map[string]string) error {
	link := linkName(id)
	if err := ip("netns add " + id); err != nil {
		return err
	}
	if err := ip(
		fmt.Sprintf("link add %s type veth peer name eth0 netns %s", link, id),
		fmt.Sprintf("address add %s/32 dev %s", gatewayAddress, link),
		fmt.Sprintf("link set %s up", link),
		// Not add: a pod that had the address may have left its route behind.
		fmt.Sprintf("route replace %s/32 dev %s", address, link),
	); err != nil {
		return err
	}
	if err := ipIn(id,
		"link set lo up",
		fmt.Sprintf("address add %s/32 dev eth0", address),
		"link set eth0 up",
		fmt.Sprintf("route add %s dev eth0 scope link", gatewayAddress),
		fmt.Sprintf("route add default via %s dev eth0", gatewayAddress),
	); err != nil {
		return err
	}
	return inNamespace(namespacePath(id), func() error {
		for name, value := range sysctls {
			if err := os.WriteFile(filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/")), []byte(value), 0o644); err != nil {
				return fmt.Errorf("sysctl %s: %w", name, err)
			}
		}
		return nil
	})
}

// detach removes what attach made; it is fine when part of it is gone already.
func detach(id string) error {
	if _, err := os.Stat(namespacePath(id)); os.IsNotExist(err) {
		return nil
	}
	// A namespace in which a process still ends keeps its link, and the link the route to the address.
	_ = ip("link delete " + linkName(id))
	return ip("netns delete " + id)
}

func ip(lines ...string) error { return ipBatch(nil, lines) }

func ipIn(namespace string, lines ...string) error {
	return ipBatch([]string{"-netns", namespace}, lines)
}

func ipBatch(options, lines []string) error {
	command := exec.Command("ip", append(options, "-batch", "-")...)
	command.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(lines, "; "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

// The main thread is the one that Go cannot end: an action that ran on it would leave it in a pod's
// network namespace, which then lives on with its link and its route.
func init() { runtime.LockOSThread() }

// inNamespace runs an action on a thread that is in the network namespace at path.
func inNamespace(path string, action func() error) error {
	result := make(chan error, 1)
	go func() {
		// The thread is not unlocked: the runtime ends it with the goroutine, namespace and all.
		runtime.LockOSThread()
		file, err := os.Open(path)
		if err != nil {
			result <- err
			return
		}
		defer file.Close()
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter the network namespace %s: %w", path, err)
			return
		}
		result <- action()
	}()
	return <-result
}

// dial connects to a port of the pod's own loopback address.
func dial(namespace string, port int32) (connection net.Conn, err error) {
	err = inNamespace(namespace, func() error {
		connection, err = net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		return err
	})
	return connection, err
}
