// Copyright: (c) 2026, llmd.tpu contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const defaultPath = "/opt/sandbox/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// longestLine is how much of a line one log entry holds; the kubelet joins partial entries.
const longestLine = 16 * 1024

// starts are carried out one after the other on one thread that lives as long as the node.
// Bubblewrap's --die-with-parent means the thread that started it, not the program, and the
// threads that entered a pod's network namespace end (inNamespace).
var starts = make(chan func())

func init() {
	go func() {
		runtime.LockOSThread()
		for start := range starts {
			start()
		}
	}()
}

// startLasting starts a command from the thread that never ends.
func startLasting(command *exec.Cmd) error {
	result := make(chan error, 1)
	starts <- func() { result <- command.Start() }
	return <-result
}

// process is a running container: bubblewrap and, inside, the container's first process.
type process struct {
	command *exec.Cmd
	first   int // the container's process 1, as a process number of the node
	done    chan struct{}
	code    int
}

// rootOptions are bubblewrap's options for the container's view of the file system:
// the node's programs and libraries read-only, a private rest, then the image's
// files and the pod's volumes at their paths.
func rootOptions(c *container, pod *sandbox, etc string, python []string) []string {
	options := []string{"--ro-bind", "/usr", "/usr"}
	for _, folder := range foldersBelowUsr(c.image) {
		options = append(options, "--tmpfs", folder)
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		if target, err := os.Readlink("/" + name); err == nil {
			options = append(options, "--symlink", target, "/"+name)
		} else if _, err := os.Stat("/" + name); err == nil {
			options = append(options, "--ro-bind", "/"+name, "/"+name)
		}
	}
	options = append(options, "--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--dir", "/tmp")
	for _, name := range []string{"alternatives", "ca-certificates", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "ssl"} {
		options = append(options, "--ro-bind-try", "/etc/"+name, "/etc/"+name)
	}
	for _, name := range []string{"group", "nsswitch.conf", "passwd"} {
		options = append(options, "--ro-bind", filepath.Join(etc, name), "/etc/"+name)
	}
	options = append(options, "--ro-bind", filepath.Join(pod.dir, "resolv.conf"), "/etc/resolv.conf")
	options = append(options, "--dir", "/opt/sandbox/bin")
	if directory := workingDirectory(c); !strings.HasPrefix(directory, "/usr/") {
		options = append(options, "--dir", directory)
	}
	for _, path := range python {
		options = append(options, "--ro-bind", path, path)
	}
	for _, path := range sortedKeys(c.image.Files) {
		options = append(options, "--ro-bind", c.image.Files[path], path)
	}
	mounts := slices.Clone(c.config.Mounts)
	slices.SortStableFunc(mounts, func(a, b *runtimeapi.Mount) int { return len(a.ContainerPath) - len(b.ContainerPath) })
	for _, mount := range mounts {
		kind := "--bind"
		if mount.Readonly {
			kind = "--ro-bind"
		}
		options = append(options, kind, mount.HostPath, mount.ContainerPath)
	}
	if c.config.Linux.GetSecurityContext().GetReadonlyRootfs() {
		options = append(options, "--remount-ro", "/")
	}
	return append(options, "--chdir", workingDirectory(c))
}

// foldersBelowUsr are the folders of the read-only /usr that hold files of the image. Each is
// replaced by an empty one, in which there is room for them; it must exist on the node.
func foldersBelowUsr(image *Image) []string {
	folders := map[string]bool{}
	for path := range image.Files {
		if strings.HasPrefix(path, "/usr/") {
			folders[filepath.Dir(path)] = true
		}
	}
	return sortedKeys(folders)
}

func workingDirectory(c *container) string {
	for _, directory := range []string{c.config.WorkingDir, c.image.WorkingDirectory} {
		if directory != "" {
			return directory
		}
	}
	return "/"
}

// userOf is the user and group a container runs as: the pod's word, else the image's.
func userOf(c *container) (user, group int64) {
	security := c.config.Linux.GetSecurityContext()
	user, group = c.image.User, c.image.User
	if security.GetRunAsUser() != nil {
		user = security.RunAsUser.Value
	}
	if security.GetRunAsGroup() != nil {
		group = security.RunAsGroup.Value
	}
	return user, group
}

// argumentsOf applies the rule of containers: the pod's command replaces the
// image's entry point and command, the pod's args replace the image's command.
func argumentsOf(c *container) []string {
	command, arguments := c.config.Command, c.config.Args
	if len(command) == 0 {
		command = c.image.Entrypoint
		if len(arguments) == 0 {
			arguments = c.image.Command
		}
	}
	return append(slices.Clone(command), arguments...)
}

// environmentOf is the image's environment under the pod's.
func environmentOf(c *container, hostname string) []string {
	values := map[string]string{"PATH": defaultPath, "HOSTNAME": hostname, "HOME": "/"}
	for name, value := range c.image.Environment {
		values[name] = value
	}
	for _, variable := range c.config.Envs {
		values[variable.Key] = variable.Value
	}
	environment := make([]string, 0, len(values))
	for _, name := range sortedKeys(values) {
		environment = append(environment, name+"="+values[name])
	}
	return environment
}

// startProcess runs the container; it returns when its first process exists.
func startProcess(c *container, pod *sandbox, options []string, log *containerLog) (*process, error) {
	user, group := userOf(c)
	arguments := argumentsOf(c)
	if len(arguments) == 0 {
		return nil, fmt.Errorf("failed to create containerd task: no command specified")
	}
	isolation := []string{
		"--unshare-user", "--uid", fmt.Sprint(user), "--gid", fmt.Sprint(group),
		"--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts", "--hostname", pod.hostname(),
		"--new-session", "--die-with-parent", "--info-fd", "3",
	}
	// Options and command travel through a pipe: they hold paths only, but no list of arguments is too long for it.
	optionsRead, optionsWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	infoRead, infoWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	command := exec.Command("bwrap", append([]string{"--args", "4", "--"}, arguments...)...)
	if !pod.hostNetwork() {
		command = exec.Command("nsenter", append([]string{"--net=" + namespacePath(pod.id), "--", "bwrap", "--args", "4", "--"}, arguments...)...)
	}
	command.Env = environmentOf(c, pod.hostname())
	command.ExtraFiles = []*os.File{infoWrite, optionsRead}
	command.Stdout = log.stream("stdout")
	command.Stderr = log.stream("stderr")
	command.WaitDelay = time.Second
	err = startLasting(command)
	infoWrite.Close()
	optionsRead.Close()
	if err != nil {
		infoRead.Close()
		optionsWrite.Close()
		return nil, err
	}
	_, err = io.WriteString(optionsWrite, strings.Join(append(isolation, options...), "\x00")+"\x00")
	optionsWrite.Close()
	p := &process{command: command, done: make(chan struct{})}
	go p.wait(log)
	if err != nil {
		return p, nil // bubblewrap ended before it read its options; wait tells how
	}
	info := struct {
		First int `json:"child-pid"`
	}{}
	// Nothing to read means that bubblewrap ended early; the exit code and the log say why.
	_ = json.NewDecoder(infoRead).Decode(&info)
	infoRead.Close()
	p.first = info.First
	return p, nil
}

func (p *process) wait(log *containerLog) {
	_ = p.command.Wait()
	p.code = p.command.ProcessState.ExitCode()
	if status, ok := p.command.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		p.code = 128 + int(status.Signal())
	}
	log.close()
	close(p.done)
}

// stop asks the container's first process to end and, after the grace period, kills it with all others.
func (p *process) stop(grace time.Duration) {
	if p.first == 0 {
		_ = p.command.Process.Kill()
		<-p.done
		return
	}
	_ = syscall.Kill(p.first, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.kill()
		<-p.done
	}
}

func (p *process) kill() {
	if p.first != 0 {
		_ = syscall.Kill(p.first, syscall.SIGKILL)
	}
}

// memory is what the container's processes hold, in bytes.
func (p *process) memory() int64 {
	var pages int64
	for queue := []int{p.first}; len(queue) > 0; queue = queue[1:] {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", queue[0])); err == nil {
			if fields := strings.Fields(string(text)); len(fields) > 1 {
				resident, _ := strconv.ParseInt(fields[1], 10, 64)
				pages += resident
			}
		}
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", queue[0]))
		for _, task := range tasks {
			children, _ := os.ReadFile(task)
			for _, child := range strings.Fields(string(children)) {
				if number, err := strconv.Atoi(child); err == nil {
					queue = append(queue, number)
				}
			}
		}
	}
	return pages * int64(os.Getpagesize())
}

// enter is a command inside a running container, as kubectl exec and exec probes run it.
func enter(c *container, pod *sandbox, arguments []string) *exec.Cmd {
	command := exec.Command("nsenter", append([]string{
		"--target", fmt.Sprint(c.process.first), "--user", "--preserve-credentials",
		"--mount", "--pid", "--net", "--uts", "--ipc", "--",
	}, arguments...)...)
	command.Env = environmentOf(c, pod.hostname())
	command.WaitDelay = time.Second
	return command
}

// containerLog writes a container's output in the CRI's log format.
type containerLog struct {
	mutex sync.Mutex
	file  *os.File
	pipes []*io.PipeWriter
	wait  sync.WaitGroup
}

func openLog(path string) (*containerLog, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return nil, err
	}
	return &containerLog{file: file}, nil
}

// stream returns where one of the container's two outputs is written to.
func (l *containerLog) stream(name string) io.Writer {
	reader, writer := io.Pipe()
	l.pipes = append(l.pipes, writer)
	l.wait.Add(1)
	go func() {
		defer l.wait.Done()
		lines := bufio.NewReaderSize(reader, longestLine)
		for {
			line, err := lines.ReadSlice('\n')
			if len(line) > 0 {
				l.write(name, line)
			}
			if err != nil && err != bufio.ErrBufferFull {
				return
			}
		}
	}()
	return writer
}

func (l *containerLog) write(stream string, line []byte) {
	tag, text := "P", string(line)
	if strings.HasSuffix(text, "\n") {
		tag, text = "F", text[:len(text)-1]
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	fmt.Fprintf(l.file, "%s %s %s %s\n", time.Now().UTC().Format(time.RFC3339Nano), stream, tag, text)
}

func (l *containerLog) close() {
	for _, pipe := range l.pipes {
		pipe.Close()
	}
	l.wait.Wait()
	l.file.Close()
}

func sortedKeys[V any](values map[string]V) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
