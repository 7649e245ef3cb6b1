package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// patience bounds each wait for something that is to happen.
const patience = time.Minute

// TestMain fails the run if a goroutine is left at its end.
func TestMain(m *testing.M) {
	if role := os.Getenv("QUEUEDNET_CLUSTER_ROLE"); role != "" {
		os.Exit(runRole(role))
	}
	code := m.Run()
	if left := goroutines(patience); code == 0 && left != "" {
		os.Stderr.WriteString("goroutines left:\n" + left)
		code = 1
	}
	os.Exit(code)
}

// goroutines returns the stacks of what NATS and this module run and that has not ended
// within the time.
func goroutines(wait time.Duration) string {
	for end := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		buf := make([]byte, 4<<20)
		buf = buf[:runtime.Stack(buf, true)]
		var left []string
		for _, stack := range strings.Split(string(buf), "\n\n") {
			if (strings.Contains(stack, "queuednet/cluster.") || strings.Contains(stack, "nats")) &&
				!strings.Contains(stack, "TestMain") && !strings.Contains(stack, "testing.tRunner") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
	}
}

// A member is a node of a test, with what it has been told.
type member struct {
	*Node
	t        testing.TB
	messages []string // group or "to", ":" and the payload
	from     []uint16
	events   []Event
}

// open opens a node that is closed with the test.
func open(t testing.TB, config *Config) *member {
	t.Helper()
	n, err := Open(config)
	require.NoError(t, err)
	t.Cleanup(func() { n.Close() })
	return &member{Node: n, t: t}
}

// clusterName is of embedded nodes of this process, and no other test's: a port that one of theirs has given up, and
// whose nodes still try to reach, may be one of ours now.
var clusterName = "test-" + rand.Text()

// quick makes heartbeats so frequent that tests are short. However busy the machine is, nobody
// is taken for dead, but where a test sets deadSoon, no message grows too old, and who closes
// is answered.
func quick(config Config) *Config {
	config.Heartbeat, config.DeadAfter = 50*time.Millisecond, patience
	config.MaxAge, config.CloseTimeout = patience, patience
	if config.Listen != "" {
		config.Cluster = cmp.Or(config.Cluster, clusterName)
	}
	return &config
}

// deadSoon is for tests in which a node dies. The others are not to be taken for dead because
// the machine was busy.
func deadSoon(c *Config) { c.DeadAfter = 3 * time.Second }

// embeddedNodes returns embedded nodes 1 to count that know each other.
func embeddedNodes(t testing.TB, count int, change func(*Config)) (nodes []*member) {
	t.Helper()
	var routes []string
	for i := range count {
		config := quick(Config{Number: uint16(i + 1), Listen: "127.0.0.1:0", Routes: routes})
		if change != nil {
			change(config)
		}
		n := open(t, config)
		routes = append(routes, n.ListenAddress())
		nodes = append(nodes, n)
	}
	know(t, nodes...)
	return nodes
}

// know waits until each node has been told of each other one.
func know(t testing.TB, nodes ...*member) {
	t.Helper()
	for _, n := range nodes {
		for _, other := range nodes {
			if n != other {
				n.until("node joined", func() bool { return n.saw(NodeJoined, other.Number()) > 0 })
			}
		}
	}
}

// poll drains the node once.
func (m *member) poll() {
	for message := range m.Messages() {
		name := "to"
		if g := message.Group(); g != nil {
			name = g.Name()
		}
		m.messages = append(m.messages, name+":"+string(message.Payload()))
		m.from = append(m.from, message.From())
	}
	for event := range m.Events() {
		m.events = append(m.events, event)
	}
}

// until polls the node until done is true.
func (m *member) until(what string, done func() bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for m.poll(); !done(); m.poll() {
		short, stop := context.WithTimeout(ctx, 20*time.Millisecond) // done may be about something else
		m.WaitForMessages(short)
		stop()
		if ctx.Err() != nil {
			m.t.Fatalf("node %d waits in vain: %s; events %v", m.Number(), what, m.events)
		}
	}
}

// saw counts the events of a kind about a node.
func (m *member) saw(kind EventKind, node uint16) (n int) {
	for _, e := range m.events {
		if e.Kind == kind && e.Node == node {
			n++
		}
	}
	return n
}

// missed adds up the gaps of a node.
func (m *member) missed(node uint16) (missed uint64) {
	for _, e := range m.events {
		if e.Kind == Gap && e.Node == node {
			missed += e.Missed
		}
	}
	return missed
}

// say broadcasts text to a group, which must succeed.
func (m *member) say(group, text string) {
	m.t.Helper()
	require.NoError(m.t, m.Group(group).Broadcast(nil, queuednet.NewDatagram([]byte(text))))
}

// tell sends text to an address, which must succeed.
func (m *member) tell(to Address, text string) {
	m.t.Helper()
	require.NoError(m.t, m.Send(queuednet.NewDatagram([]byte(text)), to))
}

// hears waits until a group's message from one node reaches others that watch it.
func hears(t testing.TB, group string, from *member, to ...*member) {
	t.Helper()
	for i, m := range to {
		text := "fence " + string(rune('a'+i))
		m.until("fence in "+group, func() bool {
			from.say(group, text)
			return contains(m.messages, group+":"+text)
		})
	}
}

func contains(texts []string, text string) bool {
	for _, t := range texts {
		if t == text {
			return true
		}
	}
	return false
}

// end is what polls connections of players: a manager with its queues.
type end struct {
	t        testing.TB
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
}

func newEnd(t testing.TB) *end {
	manager := queuednet.NewQueuedConnectionManager(nil)
	t.Cleanup(func() { manager.Close() })
	return &end{
		t: t, manager: manager,
		listener: queuednet.NewQueuedConnectionListener(manager),
		reader:   queuednet.NewQueuedConnectionReader(manager),
		writer:   queuednet.NewConnectionWriter(manager),
	}
}

// player connects a plain socket, and returns both sides.
func (e *end) player() (*queuednet.Connection, net.Conn) {
	e.t.Helper()
	here, there := net.Pipe()
	conn, err := e.manager.AdoptConnection(here)
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	e.t.Cleanup(func() { there.Close() })
	require.NoError(e.t, there.SetDeadline(time.Now().Add(patience)))
	return conn, there
}
