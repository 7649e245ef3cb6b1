package interop_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A clusterNode is a pandaserver-cluster in a process of its own.
type clusterNode struct {
	*program
	port int
}

// startNodes starts so many servers that are one, and waits until they know each other.
func startNodes(t *testing.T, python string, count int) (nodes []*clusterNode) {
	t.Helper()
	command := filepath.Join(t.TempDir(), "pandaserver-cluster")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../cluster", "-o", command, "./cmd/pandaserver-cluster").CombinedOutput()
	require.NoError(t, err, string(output))
	direct, routes := directDC(t, python), ""
	secret := rand.Text() // so that nodes of another test never take one of these ports for theirs
	for i := range count {
		listen, port := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t))), freePort(t)
		n := &clusterNode{port: port, program: start(t, command, "-number", strconv.Itoa(i+1), "-listen", listen, "-routes", routes, "-secret", secret,
			"-port", strconv.Itoa(port), direct, "distributed.dc")}
		for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err == nil {
				conn.Close()
				break
			}
			require.True(t, time.Now().Before(deadline), err)
		}
		if routes != "" {
			routes += ","
		}
		routes += listen
		nodes = append(nodes, n)
	}
	return nodes
}

// TestPanda3DCluster has unmodified programs of Panda3D on three servers that are one: they play the
// same game as on one, and the end of a server deletes the objects of its clients at the others.
func TestPanda3DCluster(t *testing.T) {
	python := findPanda3D(t)
	nodes := startNodes(t, python, 3)
	ai, a, b := peer(t, python, "ai", nodes[0].port), peer(t, python, "client", nodes[1].port), peer(t, python, "client", nodes[2].port)
	c := peer(t, python, "client", nodes[1].port)
	c.do("cr.setInterestZones([7])")
	b.do("cr.setInterestZones([7])")
	c.do("o = cr.createDistributedObject(className='Thing', zoneId=7)")
	b.sees(fmt.Sprintf("%d announceGenerate", c.base))
	testGame(ai, a, b, nodes[1].port)
	d := peer(t, python, "client", nodes[0].port)
	d.do("cr.setInterestZones([7])")
	d.sees(fmt.Sprintf("%d announceGenerate", c.base))
	nodes[1].kill()
	d.sees(fmt.Sprintf("%d disable", c.base), fmt.Sprintf("%d delete", c.base))
	d.stop()
}
