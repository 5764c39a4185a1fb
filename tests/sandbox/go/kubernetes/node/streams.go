// Copyright: (c) 2026, llmd.tpu contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// streamRuntime carries kubectl's exec and port-forward into the pod.
type streamRuntime struct{ runtime *criRuntime }

// Exec runs a command in the container, on a terminal of its own when one is asked for.
func (s *streamRuntime) Exec(_ context.Context, id string, arguments []string, in io.Reader, out, errors io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	c, pod, err := s.runtime.running(id)
	if err != nil {
		return err
	}
	command := enter(c, pod, arguments)
	if tty {
		return execOnTerminal(command, in, out, resize)
	}
	command.Stdin, command.Stdout = in, out
	if errors != nil {
		command.Stderr = errors
	}
	return exitError(command.Run())
}

// exitError tells the kubelet the command's exit code.
func exitError(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &utilexec.CodeExitError{Err: err, Code: exit.ExitCode()}
	}
	return err
}

func execOnTerminal(command *exec.Cmd, in io.Reader, out io.Writer, resize <-chan remotecommand.TerminalSize) error {
	master, slave, err := openTerminal()
	if err != nil {
		return err
	}
	defer master.Close()
	command.Stdin, command.Stdout, command.Stderr = slave, slave, slave
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = command.Start()
	slave.Close()
	if err != nil {
		return err
	}
	go func() {
		for size := range resize {
			_ = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
		}
	}()
	if in != nil {
		go func() { _, _ = io.Copy(master, in) }()
	}
	_, _ = io.Copy(out, master) // ends with EIO when the command has closed its side
	return exitError(command.Wait())
}

func openTerminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

// Attach is refused: the containers' output is in their logs, and none of them reads input.
func (s *streamRuntime) Attach(context.Context, string, io.Reader, io.WriteCloser, io.WriteCloser, bool, <-chan remotecommand.TerminalSize) error {
	return errors.New("attach is not supported by the sandbox's runtime: use kubectl logs or kubectl exec")
}

// PortForward joins a stream with a port of the pod.
func (s *streamRuntime) PortForward(_ context.Context, id string, port int32, stream io.ReadWriteCloser) error {
	pod, err := s.runtime.sandbox(id)
	if err != nil {
		return err
	}
	connection, err := dial(namespacePath(pod.id), port)
	if err != nil {
		return fmt.Errorf("failed to connect to localhost:%d inside namespace %q: %w", port, pod.id, err)
	}
	defer connection.Close()
	go func() {
		_, _ = io.Copy(connection, stream)
		_ = connection.(*net.TCPConn).CloseWrite() // the client has said all it will; the answer may still come
	}()
	_, _ = io.Copy(stream, connection)
	return nil
}
