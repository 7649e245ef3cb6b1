package interop_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// build compiles one of the repository's examples.
func build(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), name)
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../examples/"+name).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return binary
}

// example runs one with the flags that both have.
func (s suite) example(t *testing.T, name string, port int) *program {
	t.Helper()
	return start(t, build(t, name), "-address", "127.0.0.1", "-port", strconv.Itoa(port), "-header", strconv.Itoa(s.headerSize))
}

// interrupt is Ctrl-C, after which an example ends with exit code 0.
func (p *program) interrupt() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(os.Interrupt))
	p.end()
}

// testManualServer: our client joins the manual's server, with another client of the manual's.
func (s suite) testManualServer(t *testing.T) {
	server := s.panda(t, "manual_server.py", "--address", "127.0.0.1", "--port", "0")
	port := server.await("listening").Port

	client := s.example(t, "client", port)
	server.await("connected")
	require.Equal(t, event{Event: "message", ID: 1, Text: "Hello, world!"}, server.await("message"))
	client.lineWith("received: Hello, world!")

	s.panda(t, "manual_client.py", "--port", strconv.Itoa(port), "--text", "from the manual").end()
	server.await("connected")
	require.Equal(t, "from the manual", server.await("message").Text)
	client.lineWith("from the manual")

	client.interrupt()
	server.stop()
}

// testManualClient: clients of the manual's join our server, which sends each message to all.
func (s suite) testManualClient(t *testing.T) {
	server := s.example(t, "server", 0)
	address := strings.TrimPrefix(server.lineWith("listening on "), "listening on ")
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)

	first := s.panda(t, "manual_client.py", "--port", port, "--messages", "2")
	first.await("connected")
	require.Equal(t, event{Event: "message", ID: 1, Text: "Hello, world!"}, first.await("message"))
	require.Regexp(t, `^127\.0\.0\.1:\d+: Hello, world!$`, server.lineWith("Hello, world!"))

	second := s.panda(t, "manual_client.py", "--port", port, "--text", "second")
	second.await("connected")
	require.Equal(t, "second", second.await("message").Text)
	require.Equal(t, "second", first.await("message").Text)
	server.lineWith("second")
	first.end()
	second.end()
	require.Regexp(t, `^- 127\.0\.0\.1:\d+: EOF$`, server.lineWith("- "))
	require.Regexp(t, `^- 127\.0\.0\.1:\d+: EOF$`, server.lineWith("- "))

	server.interrupt()
}
