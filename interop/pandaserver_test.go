package interop_test

import (
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/queuednet/queuednet/internal/free"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/require"
)

// TestPandaserver swaps the server as DISTRIBUTED.md says: the command is started in the place
// of Panda3D's server, with the same DC files, and a game of Panda3D is played on it.
func TestPandaserver(t *testing.T) {
	python := findPanda3D(t)
	command := filepath.Join(t.TempDir(), "pandaserver")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", command, "../cmd/pandaserver").CombinedOutput()
	require.NoError(t, err, string(output))
	port, page := freePort(t), net.JoinHostPort("localhost", strconv.Itoa(freePort(t)))
	start(t, command, "-port", strconv.Itoa(port), "-inspect", page, directDC(t, python), "distributed.dc")
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			conn.Close()
			break
		}
		require.True(t, time.Now().Before(deadline), err)
	}
	ai, a, b := peer(t, python, "ai", port), peer(t, python, "client", port), peer(t, python, "client", port)
	require.Contains(t, get(t, page), "3 clients")
	testGame(ai, a, b, port)
	require.Contains(t, get(t, page), "dropped, bad fields: ")
}

func get(t *testing.T, host string) string {
	t.Helper()
	response, err := http.Get("http://" + host + "/")
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// freePort returns a port for a program that is started later.
func freePort(t *testing.T) int {
	t.Helper()
	addresses, err := free.Addresses(1)
	require.NoError(t, err)
	_, port := testnet.HostPort(t, addresses[0])
	return port
}
