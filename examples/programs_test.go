//go:build unix

// Package examples_test runs the examples as the programs that they are. (Where
// there is no SIGINT there is no test of Ctrl-C; the rest of the examples is
// tested beside each of them, everywhere.)
package examples_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/queuednet/queuednet/examples/internal/lines"
)

// build compiles an example and returns its path.
func build(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), name)
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	return binary
}

// A program is an example that runs.
type program struct {
	cmd    *exec.Cmd
	stdout *lines.Lines
	stderr *lines.Lines
}

func start(t *testing.T, binary string, args ...string) *program {
	t.Helper()
	p := &program{exec.CommandContext(t.Context(), binary, args...), lines.New(t), lines.New(t)}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// end waits for the program and compares its exit code.
func (p *program) end(t *testing.T, code int) {
	t.Helper()
	_ = p.cmd.Wait() // fails for exit code 1, too
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("%s ended with %v, not exit code %d; stderr:\n%s", p.cmd.Path, p.cmd.ProcessState, code, p.stderr)
	}
}

// interrupt is Ctrl-C.
func (p *program) interrupt(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

func TestServerAndClients(t *testing.T) {
	serverBinary, clientBinary := build(t, "server"), build(t, "client")
	for _, header := range []string{"2", "4"} {
		server := start(t, serverBinary, "-address", "127.0.0.1", "-port", "0", "-header", header)
		address := server.stdout.Await("listening on ")
		_, port, _ := net.SplitHostPort(address)

		first := start(t, clientBinary, "-port", port, "-header", header)
		first.stdout.Await("connected to " + address)
		name := server.stdout.Await("+ ")
		server.stdout.Await(name + ": Hello, world!")
		first.stdout.Await("received: Hello, world!")

		second := start(t, clientBinary, "-port", port, "-header", header)
		first.stdout.Await("received: Hello, world!")
		second.stdout.Await("received: Hello, world!")

		first.interrupt(t)
		first.end(t, 0)
		server.stdout.Await("- " + name + ": EOF")

		server.interrupt(t)
		second.stdout.Await("the server has gone: EOF")
		second.end(t, 0)
		server.end(t, 0)
		for _, p := range []*program{server, first, second} {
			if text := p.stderr.String(); text != "" {
				t.Errorf("%s says on stderr:\n%s", p.cmd.Path, text)
			}
		}
	}
}

func TestErrorsAreOneLineAndExitCode1(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	server := start(t, build(t, "server"), "-address", "127.0.0.1", "-port", port)
	server.end(t, 1)
	expectOneLine(t, server, "server: listen tcp4 127.0.0.1:"+port+": bind: address already in use")

	// No server has port 1, and no other test is given it.
	client := start(t, build(t, "client"), "-port", "1")
	client.end(t, 1)
	expectOneLine(t, client, "client: cannot connect: dial tcp 127.0.0.1:1: connect: connection refused")
}

func expectOneLine(t *testing.T, p *program, want string) {
	t.Helper()
	if stderr := strings.TrimSuffix(p.stderr.String(), "\n"); stderr != want {
		t.Errorf("stderr is %q, not %q", stderr, want)
	}
	if stdout := p.stdout.String(); stdout != "" {
		t.Errorf("stdout is %q", stdout)
	}
}
