// Copyright: (c) 2026, llmd.tpu contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/kubelet/pkg/cri/streaming"
)

// watchInterval is how often a container's memory is held against its limit.
const watchInterval = time.Second

// resumedAge is how long a container of a resumed pod counts as running when it
// is started: longer than any probe's initial delay, which it waited for
// before the snapshot was taken.
const resumedAge = time.Minute

// sandbox is a pod as the runtime knows it.
type sandbox struct {
	id      string
	config  *runtimeapi.PodSandboxConfig
	address string
	dir     string
	created time.Time
	ready   bool
}

func (s *sandbox) hostNetwork() bool {
	return s.config.Linux.GetSecurityContext().GetNamespaceOptions().GetNetwork() == runtimeapi.NamespaceMode_NODE
}

func (s *sandbox) hostname() string {
	if s.config.Hostname != "" {
		return s.config.Hostname
	}
	return s.config.Metadata.Name
}

// container is one container of a pod, from its creation to its removal.
type container struct {
	id        string
	sandboxID string
	config    *runtimeapi.ContainerConfig
	image     *Image
	reference string
	created   time.Time
	started   time.Time
	finished  time.Time
	state     runtimeapi.ContainerState
	exitCode  int
	reason    string
	process   *process
	logPath   string
}

// criRuntime is the CRI's runtime half. Its state lives in memory: a node that
// starts again is a machine that was switched on, nothing runs on it.
type criRuntime struct {
	runtimeapi.UnimplementedRuntimeServiceServer
	config     *Config
	images     *imageService
	network    *network
	streams    streaming.Server
	mutex      sync.Mutex
	sandboxes  map[string]*sandbox
	containers map[string]*container
	resumed    map[string]bool // UIDs of the pods of the snapshot
	begun      map[string]bool // UID/container of those whose first start since then is over
}

func newRuntime(config *Config, table *imageTable) (*criRuntime, error) {
	dir := runtimeDir(config)
	if err := os.RemoveAll(filepath.Join(dir, "pods")); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	network, err := newNetwork(config.PodCIDR, filepath.Join(config.StateDir, "addresses.json"))
	if err != nil {
		return nil, err
	}
	r := &criRuntime{
		config:     config,
		images:     &imageService{table: table, pulled: map[string]bool{}},
		network:    network,
		sandboxes:  map[string]*sandbox{},
		containers: map[string]*container{},
		resumed:    map[string]bool{},
		begun:      map[string]bool{},
	}
	if config.Resumed {
		for uid := range network.addresses {
			r.resumed[uid] = true
		}
	}
	if err := writeEtc(r.etc()); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *criRuntime) etc() string { return filepath.Join(runtimeDir(r.config), "etc") }

// writeEtc makes the few files that every container finds under /etc.
func writeEtc(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"passwd":        "root:x:0:0:root:/root:/bin/bash\nsandbox:x:1000:1000::/:/bin/bash\nistio-proxy:x:1337:1337::/:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
		"group":         "root:x:0:\nsandbox:x:1000:\nistio-proxy:x:1337:\nnogroup:x:65534:\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// serve answers the kubelet on a unix socket, and exec, attach and port-forward on loopback.
func (r *criRuntime) serve(socket string) error {
	streams, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	configuration := streaming.DefaultConfig
	configuration.Addr = streams.Addr().String()
	r.streams, err = streaming.NewServer(configuration, &streamRuntime{r})
	if err != nil {
		return err
	}
	if err := streams.Close(); err != nil {
		return err
	}
	go func() {
		if err := r.streams.Start(true); err != nil {
			fmt.Fprintln(os.Stderr, "node: the stream server ended:", err)
		}
	}()
	_ = os.Remove(socket)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	runtimeapi.RegisterRuntimeServiceServer(server, r)
	runtimeapi.RegisterImageServiceServer(server, r.images)
	go func() {
		if err := server.Serve(listener); err != nil {
			fmt.Fprintln(os.Stderr, "node: the runtime server ended:", err)
		}
	}()
	return nil
}

func newID() string {
	value := make([]byte, 32)
	_, _ = rand.Read(value) // never fails (crypto/rand)
	return hex.EncodeToString(value)
}

func (r *criRuntime) sandbox(id string) (*sandbox, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if pod, known := r.sandboxes[id]; known {
		return pod, nil
	}
	return nil, status.Errorf(codes.NotFound, "could not find sandbox %q", id)
}

// container returns a container and its pod.
func (r *criRuntime) container(id string) (*container, *sandbox, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	c, known := r.containers[id]
	if !known {
		return nil, nil, status.Errorf(codes.NotFound, "could not find container %q", id)
	}
	return c, r.sandboxes[c.sandboxID], nil
}

// running is container, for calls that need its process.
func (r *criRuntime) running(id string) (*container, *sandbox, error) {
	c, pod, err := r.container(id)
	if err == nil && (c.state != runtimeapi.ContainerState_CONTAINER_RUNNING || c.process == nil) {
		err = status.Errorf(codes.FailedPrecondition, "container %q has no running process", id)
	}
	return c, pod, err
}

func (r *criRuntime) Version(context.Context, *runtimeapi.VersionRequest) (*runtimeapi.VersionResponse, error) {
	return &runtimeapi.VersionResponse{Version: "0.1.0", RuntimeName: "sandbox", RuntimeVersion: "1.0.0", RuntimeApiVersion: "v1"}, nil
}

func (r *criRuntime) Status(context.Context, *runtimeapi.StatusRequest) (*runtimeapi.StatusResponse, error) {
	return &runtimeapi.StatusResponse{Status: &runtimeapi.RuntimeStatus{Conditions: []*runtimeapi.RuntimeCondition{
		{Type: runtimeapi.RuntimeReady, Status: true}, {Type: runtimeapi.NetworkReady, Status: true},
	}}}, nil
}

func (r *criRuntime) UpdateRuntimeConfig(context.Context, *runtimeapi.UpdateRuntimeConfigRequest) (*runtimeapi.UpdateRuntimeConfigResponse, error) {
	return &runtimeapi.UpdateRuntimeConfigResponse{}, nil
}

func (r *criRuntime) RunPodSandbox(_ context.Context, request *runtimeapi.RunPodSandboxRequest) (*runtimeapi.RunPodSandboxResponse, error) {
	pod := &sandbox{id: newID(), config: request.Config, created: time.Now(), ready: true, address: r.config.Address}
	pod.dir = filepath.Join(runtimeDir(r.config), "pods", pod.id)
	if err := os.MkdirAll(pod.dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(pod.dir, "resolv.conf"), []byte(resolverText(request.Config.DnsConfig)), 0o644); err != nil {
		return nil, err
	}
	if !pod.hostNetwork() {
		address, err := r.network.allocate(request.Config.Metadata.Uid)
		if err != nil {
			return nil, err
		}
		pod.address = address
		if !r.config.Hollow {
			if err := attach(pod.id, address, request.Config.Linux.GetSysctls()); err != nil {
				return nil, errors.Join(fmt.Errorf("failed to setup network for sandbox %q: %w", pod.id, err), detach(pod.id))
			}
		}
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.sandboxes[pod.id] = pod
	return &runtimeapi.RunPodSandboxResponse{PodSandboxId: pod.id}, nil
}

func resolverText(dns *runtimeapi.DNSConfig) string {
	var text strings.Builder
	for _, server := range dns.GetServers() {
		fmt.Fprintf(&text, "nameserver %s\n", server)
	}
	if searches := dns.GetSearches(); len(searches) > 0 {
		fmt.Fprintf(&text, "search %s\n", strings.Join(searches, " "))
	}
	if options := dns.GetOptions(); len(options) > 0 {
		fmt.Fprintf(&text, "options %s\n", strings.Join(options, " "))
	}
	return text.String()
}

func (r *criRuntime) StopPodSandbox(_ context.Context, request *runtimeapi.StopPodSandboxRequest) (*runtimeapi.StopPodSandboxResponse, error) {
	pod, err := r.sandbox(request.PodSandboxId)
	if err != nil {
		return &runtimeapi.StopPodSandboxResponse{}, nil
	}
	for _, c := range r.containersOf(pod.id) {
		r.stopContainer(c, 0)
	}
	if !pod.hostNetwork() {
		if err := detach(pod.id); err != nil {
			return nil, err
		}
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	pod.ready = false
	return &runtimeapi.StopPodSandboxResponse{}, nil
}

func (r *criRuntime) containersOf(sandboxID string) []*container {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var found []*container
	for _, c := range r.containers {
		if c.sandboxID == sandboxID {
			found = append(found, c)
		}
	}
	return found
}

func (r *criRuntime) RemovePodSandbox(ctx context.Context, request *runtimeapi.RemovePodSandboxRequest) (*runtimeapi.RemovePodSandboxResponse, error) {
	pod, err := r.sandbox(request.PodSandboxId)
	if err != nil {
		return &runtimeapi.RemovePodSandboxResponse{}, nil
	}
	if _, err := r.StopPodSandbox(ctx, &runtimeapi.StopPodSandboxRequest{PodSandboxId: pod.id}); err != nil {
		return nil, err
	}
	r.mutex.Lock()
	delete(r.sandboxes, pod.id)
	for id, c := range r.containers {
		if c.sandboxID == pod.id {
			delete(r.containers, id)
		}
	}
	again := false // the pod may have a newer sandbox, which keeps the address
	for _, other := range r.sandboxes {
		again = again || other.config.Metadata.Uid == pod.config.Metadata.Uid
	}
	r.mutex.Unlock()
	if !again {
		if err := r.network.release(pod.config.Metadata.Uid); err != nil {
			return nil, err
		}
	}
	return &runtimeapi.RemovePodSandboxResponse{}, os.RemoveAll(pod.dir)
}

func sandboxState(pod *sandbox) runtimeapi.PodSandboxState {
	if pod.ready {
		return runtimeapi.PodSandboxState_SANDBOX_READY
	}
	return runtimeapi.PodSandboxState_SANDBOX_NOTREADY
}

func (r *criRuntime) PodSandboxStatus(_ context.Context, request *runtimeapi.PodSandboxStatusRequest) (*runtimeapi.PodSandboxStatusResponse, error) {
	pod, err := r.sandbox(request.PodSandboxId)
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	address := pod.address
	if pod.hostNetwork() {
		address = "" // the kubelet knows the node's own addresses
	}
	return &runtimeapi.PodSandboxStatusResponse{Status: &runtimeapi.PodSandboxStatus{
		Id: pod.id, Metadata: pod.config.Metadata, State: sandboxState(pod), CreatedAt: pod.created.UnixNano(),
		Network: &runtimeapi.PodSandboxNetworkStatus{Ip: address},
		Linux: &runtimeapi.LinuxPodSandboxStatus{Namespaces: &runtimeapi.Namespace{
			Options: pod.config.Linux.GetSecurityContext().GetNamespaceOptions(),
		}},
		Labels: pod.config.Labels, Annotations: pod.config.Annotations,
	}}, nil
}

func (r *criRuntime) ListPodSandbox(_ context.Context, request *runtimeapi.ListPodSandboxRequest) (*runtimeapi.ListPodSandboxResponse, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	filter := request.Filter
	response := &runtimeapi.ListPodSandboxResponse{}
	for _, pod := range r.sandboxes {
		if filter.GetId() != "" && filter.Id != pod.id ||
			filter.GetState() != nil && filter.State.State != sandboxState(pod) ||
			!hasLabels(pod.config.Labels, filter.GetLabelSelector()) {
			continue
		}
		response.Items = append(response.Items, &runtimeapi.PodSandbox{
			Id: pod.id, Metadata: pod.config.Metadata, State: sandboxState(pod), CreatedAt: pod.created.UnixNano(),
			Labels: pod.config.Labels, Annotations: pod.config.Annotations,
		})
	}
	return response, nil
}

func hasLabels(labels, wanted map[string]string) bool {
	for key, value := range wanted {
		if labels[key] != value {
			return false
		}
	}
	return true
}

func (r *criRuntime) CreateContainer(_ context.Context, request *runtimeapi.CreateContainerRequest) (*runtimeapi.CreateContainerResponse, error) {
	pod, err := r.sandbox(request.PodSandboxId)
	if err != nil {
		return nil, err
	}
	reference := r.images.resolve(request.Config.Image.Image)
	image := r.images.table.find(reference)
	if reference == "" || image == nil {
		return nil, status.Errorf(codes.NotFound, "failed to get image %q: not found", request.Config.Image.Image)
	}
	c := &container{
		id: newID(), sandboxID: pod.id, config: request.Config, image: image, reference: reference,
		created: time.Now(), state: runtimeapi.ContainerState_CONTAINER_CREATED,
		logPath: filepath.Join(pod.config.LogDirectory, request.Config.LogPath),
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.containers[c.id] = c
	return &runtimeapi.CreateContainerResponse{ContainerId: c.id}, nil
}

func (r *criRuntime) StartContainer(_ context.Context, request *runtimeapi.StartContainerRequest) (*runtimeapi.StartContainerResponse, error) {
	c, pod, err := r.container(request.ContainerId)
	if err != nil {
		return nil, err
	}
	if r.hasProcess(c) {
		if err := r.launch(c, pod); err != nil {
			return nil, err
		}
	}
	r.mutex.Lock()
	c.started, c.state = time.Now(), runtimeapi.ContainerState_CONTAINER_RUNNING
	if key := pod.config.Metadata.Uid + "/" + c.config.Metadata.Name; r.resumed[pod.config.Metadata.Uid] && !r.begun[key] {
		r.begun[key] = true
		c.started = c.started.Add(-resumedAge)
	}
	r.mutex.Unlock()
	if c.process != nil {
		go r.watch(c)
	}
	return &runtimeapi.StartContainerResponse{}, nil
}

func (r *criRuntime) hasProcess(c *container) bool {
	return !r.config.Hollow && (c.image.Process == nil || *c.image.Process)
}

func (r *criRuntime) launch(c *container, pod *sandbox) error {
	var python []string
	var err error
	if c.image.Python {
		if python, err = pythonPaths(r.config.Variables["environment"]); err != nil {
			return err
		}
	}
	log, err := openLog(c.logPath)
	if err != nil {
		return err
	}
	c.process, err = startProcess(c, pod, rootOptions(c, pod, r.etc(), python), log)
	return err
}

// pythonPaths are the folders that a virtual environment needs at their own paths.
func pythonPaths(environment string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(environment, "pyvenv.cfg"))
	if err != nil {
		return nil, fmt.Errorf("the pods' Python environment: %w", err)
	}
	paths := []string{environment}
	for _, line := range strings.Split(string(text), "\n") {
		key, value, _ := strings.Cut(line, "=")
		if home := strings.TrimSpace(value); strings.TrimSpace(key) == "home" && !strings.HasPrefix(home, "/usr/bin") {
			paths = append(paths, filepath.Dir(home))
		}
	}
	return paths, nil
}

// watch holds the container's memory against its limit and writes down how it ended.
func (r *criRuntime) watch(c *container) {
	limit := c.config.Linux.GetResources().GetMemoryLimitInBytes()
	outOfMemory := false
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for running := true; running; {
		select {
		case <-c.process.done:
			running = false
		case <-ticker.C:
			if limit > 0 && c.process.memory() > limit {
				outOfMemory = true
				c.process.kill()
			}
		}
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	c.finished, c.state, c.exitCode = time.Now(), runtimeapi.ContainerState_CONTAINER_EXITED, c.process.code
	switch {
	case outOfMemory:
		c.reason = "OOMKilled"
	case c.exitCode == 0:
		c.reason = "Completed"
	default:
		c.reason = "Error"
	}
}

func (r *criRuntime) StopContainer(_ context.Context, request *runtimeapi.StopContainerRequest) (*runtimeapi.StopContainerResponse, error) {
	c, _, err := r.container(request.ContainerId)
	if err != nil {
		return &runtimeapi.StopContainerResponse{}, nil
	}
	r.stopContainer(c, time.Duration(request.Timeout)*time.Second)
	return &runtimeapi.StopContainerResponse{}, nil
}

func (r *criRuntime) stopContainer(c *container, grace time.Duration) {
	r.mutex.Lock()
	running := c.state == runtimeapi.ContainerState_CONTAINER_RUNNING
	r.mutex.Unlock()
	if !running {
		return
	}
	if c.process != nil {
		c.process.stop(grace)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if c.process == nil {
		c.finished, c.state, c.exitCode, c.reason = time.Now(), runtimeapi.ContainerState_CONTAINER_EXITED, 137, "Error"
	}
}

func (r *criRuntime) RemoveContainer(_ context.Context, request *runtimeapi.RemoveContainerRequest) (*runtimeapi.RemoveContainerResponse, error) {
	c, _, err := r.container(request.ContainerId)
	if err != nil {
		return &runtimeapi.RemoveContainerResponse{}, nil
	}
	r.stopContainer(c, 0)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.containers, c.id)
	_ = os.Remove(c.logPath)
	return &runtimeapi.RemoveContainerResponse{}, nil
}

func (r *criRuntime) ListContainers(_ context.Context, request *runtimeapi.ListContainersRequest) (*runtimeapi.ListContainersResponse, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	filter := request.Filter
	response := &runtimeapi.ListContainersResponse{}
	for _, c := range r.containers {
		if filter.GetId() != "" && filter.Id != c.id ||
			filter.GetPodSandboxId() != "" && filter.PodSandboxId != c.sandboxID ||
			filter.GetState() != nil && filter.State.State != c.state ||
			!hasLabels(c.config.Labels, filter.GetLabelSelector()) {
			continue
		}
		response.Containers = append(response.Containers, &runtimeapi.Container{
			Id: c.id, PodSandboxId: c.sandboxID, Metadata: c.config.Metadata, Image: c.config.Image,
			ImageRef: digest(c.reference), ImageId: digest(c.reference), State: c.state,
			CreatedAt: c.created.UnixNano(), Labels: c.config.Labels, Annotations: c.config.Annotations,
		})
	}
	return response, nil
}

func (r *criRuntime) ContainerStatus(_ context.Context, request *runtimeapi.ContainerStatusRequest) (*runtimeapi.ContainerStatusResponse, error) {
	c, _, err := r.container(request.ContainerId)
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{
		Id: c.id, Metadata: c.config.Metadata, State: c.state,
		CreatedAt: c.created.UnixNano(), StartedAt: unixNano(c.started), FinishedAt: unixNano(c.finished),
		ExitCode: int32(c.exitCode), Reason: c.reason,
		Image:    &runtimeapi.ImageSpec{Image: c.reference},
		ImageRef: repository(c.reference) + "@" + digest(c.reference), ImageId: digest(c.reference),
		Labels: maps.Clone(c.config.Labels), Annotations: maps.Clone(c.config.Annotations),
		Mounts: c.config.Mounts, LogPath: c.logPath,
	}}, nil
}

func unixNano(moment time.Time) int64 {
	if moment.IsZero() {
		return 0
	}
	return moment.UnixNano()
}

func (r *criRuntime) UpdateContainerResources(context.Context, *runtimeapi.UpdateContainerResourcesRequest) (*runtimeapi.UpdateContainerResourcesResponse, error) {
	return &runtimeapi.UpdateContainerResourcesResponse{}, nil
}

func (r *criRuntime) ReopenContainerLog(context.Context, *runtimeapi.ReopenContainerLogRequest) (*runtimeapi.ReopenContainerLogResponse, error) {
	return &runtimeapi.ReopenContainerLogResponse{}, nil
}

func (r *criRuntime) ContainerStats(context.Context, *runtimeapi.ContainerStatsRequest) (*runtimeapi.ContainerStatsResponse, error) {
	return &runtimeapi.ContainerStatsResponse{}, nil
}

func (r *criRuntime) ListContainerStats(context.Context, *runtimeapi.ListContainerStatsRequest) (*runtimeapi.ListContainerStatsResponse, error) {
	return &runtimeapi.ListContainerStatsResponse{}, nil
}

func (r *criRuntime) PodSandboxStats(context.Context, *runtimeapi.PodSandboxStatsRequest) (*runtimeapi.PodSandboxStatsResponse, error) {
	return &runtimeapi.PodSandboxStatsResponse{}, nil
}

func (r *criRuntime) ListPodSandboxStats(context.Context, *runtimeapi.ListPodSandboxStatsRequest) (*runtimeapi.ListPodSandboxStatsResponse, error) {
	return &runtimeapi.ListPodSandboxStatsResponse{}, nil
}

// ExecSync serves exec probes and lifecycle hooks.
func (r *criRuntime) ExecSync(ctx context.Context, request *runtimeapi.ExecSyncRequest) (*runtimeapi.ExecSyncResponse, error) {
	c, pod, err := r.running(request.ContainerId)
	if err != nil {
		return nil, err
	}
	command := enter(c, pod, request.Cmd)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Start(); err != nil {
		return nil, err
	}
	finished := make(chan error, 1)
	go func() { finished <- command.Wait() }()
	timeout := time.Duration(request.Timeout) * time.Second
	if timeout == 0 {
		timeout = time.Hour
	}
	select {
	case <-finished:
	case <-time.After(timeout):
		_ = command.Process.Kill()
		return nil, status.Errorf(codes.DeadlineExceeded, "failed to exec in container: timeout %s exceeded", timeout)
	case <-ctx.Done():
		_ = command.Process.Kill()
		return nil, ctx.Err()
	}
	return &runtimeapi.ExecSyncResponse{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), ExitCode: int32(command.ProcessState.ExitCode())}, nil
}

func (r *criRuntime) Exec(_ context.Context, request *runtimeapi.ExecRequest) (*runtimeapi.ExecResponse, error) {
	if _, _, err := r.running(request.ContainerId); err != nil {
		return nil, err
	}
	return r.streams.GetExec(request)
}

func (r *criRuntime) Attach(_ context.Context, request *runtimeapi.AttachRequest) (*runtimeapi.AttachResponse, error) {
	return r.streams.GetAttach(request)
}

func (r *criRuntime) PortForward(_ context.Context, request *runtimeapi.PortForwardRequest) (*runtimeapi.PortForwardResponse, error) {
	if _, err := r.sandbox(request.PodSandboxId); err != nil {
		return nil, err
	}
	return r.streams.GetPortForward(request)
}
