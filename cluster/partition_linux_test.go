package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A network of namespaces, one for each node, on a bridge. Cutting a node off takes its port
// off the bridge, so that nothing tells TCP.
type network struct {
	t     testing.TB
	name  string
	nodes []*process
}

// newNetwork starts three nodes that send, each in a network namespace.
func newNetwork(t testing.TB) *network {
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need ip of iproute2")
	}
	w := &network{t: t, name: fmt.Sprintf("qc%d", os.Getpid()%100_000)}
	if out, err := exec.Command("ip", "link", "add", w.name, "type", "bridge").CombinedOutput(); err != nil {
		t.Skipf("network namespaces cannot be made: %s", out)
	}
	t.Cleanup(w.remove)
	w.ip("link set %s up", w.name)
	var routes []string
	for i := 1; i <= 3; i++ {
		w.ip("netns add %s-%d", w.name, i)
		w.ip("link add %s.%d type veth peer name eth0 netns %s-%d", w.name, i, w.name, i)
		w.ip("link set %s.%d master %s up", w.name, i, w.name)
		w.ip("-n %s-%d addr add 10.213.7.%d/24 dev eth0", w.name, i, i)
		w.ip("-n %s-%d link set eth0 up", w.name, i)
		w.ip("-n %s-%d link set lo up", w.name, i)
		config := Config{Number: uint16(i), Listen: fmt.Sprintf("10.213.7.%d:6222", i), Routes: routes, Insecure: true, DeadAfter: patient.DeadAfter}
		routes = append(routes, config.Listen)
		w.nodes = append(w.nodes, start(t, order{
			Config: settings{Config: config}, Rate: 1200, Size: 256, Prefix: []string{"ip", "netns", "exec", fmt.Sprintf("%s-%d", w.name, i)},
		}))
	}
	for _, p := range w.nodes {
		for _, other := range w.nodes {
			if p != other && len(p.about(other.number)) == 0 {
				p.await("NodeJoined", other.number)
			}
		}
	}
	time.Sleep(200 * time.Millisecond)
	for _, p := range w.nodes {
		p.tell("go")
	}
	time.Sleep(time.Second)
	return w
}

func (w *network) ip(format string, args ...any) {
	w.t.Helper()
	out, err := exec.Command("ip", strings.Fields(fmt.Sprintf(format, args...))...).CombinedOutput()
	require.NoError(w.t, err, "%s", out)
}

func (w *network) remove() {
	for i := 1; i <= 3; i++ {
		exec.Command("ip", "netns", "del", fmt.Sprintf("%s-%d", w.name, i)).Run()
		exec.Command("ip", "link", "del", fmt.Sprintf("%s.%d", w.name, i)).Run()
	}
	exec.Command("ip", "link", "del", w.name).Run()
}

func (w *network) cut(node int)  { w.ip("link set %s.%d nomaster", w.name, node) }
func (w *network) heal(node int) { w.ip("link set %s.%d master %s", w.name, node, w.name) }

// A node is cut off without a word to TCP: both sides tell it in time, each goes on by itself,
// and after it has healed each node is back, once, each lost message is counted, and nothing
// old is handed out.
func TestPartition(t *testing.T) {
	t.Parallel()
	lasts := 9 * time.Second
	if *long {
		lasts = 15 * time.Second
	}
	w := newNetwork(t)
	one, two, three := w.nodes[0], w.nodes[1], w.nodes[2]
	w.cut(3)
	began := time.Now()
	told := func(p *process, event string, node uint16, within time.Duration) {
		r := p.await(event, node)
		t.Logf("node %d: %s of %d after %v", p.number, event, node, r.At.Sub(began).Round(time.Millisecond))
		assert.Less(t, r.At.Sub(began), within)
	}
	told(one, "NodeLeft", 3, 2*patient.DeadAfter)
	told(two, "NodeLeft", 3, 2*patient.DeadAfter)
	for _, node := range []uint16{1, 2} {
		if len(three.about(node)) < 2 { // it may have come before the other one
			three.await("NodeLeft", node)
		}
	}
	time.Sleep(time.Until(began.Add(lasts)))
	w.heal(3)
	began = time.Now()
	told(one, "NodeBack", 3, patience)
	told(two, "NodeBack", 3, patience)
	time.Sleep(2 * time.Second)
	result := balance(t, w.nodes...)
	assert.Zero(t, result[1].Missed[2], "on the same side")
	assert.Zero(t, result[2].Missed[1], "on the same side")
	for _, p := range w.nodes {
		for _, other := range w.nodes {
			if p != other && (p == three || other == three) {
				assert.Equal(t, []string{"NodeJoined", "NodeLeft", "NodeBack"}, p.about(other.number), "of %d at %d", other.number, p.number)
			}
		}
		t.Logf("node %d: missed %v, oldest %v, longest pauses %v", p.number, result[p.number].Missed,
			result[p.number].Oldest.Round(time.Millisecond), result[p.number].Pause)
		assert.Less(t, result[p.number].Oldest, 5*time.Second)
	}
}
