package cluster

import (
	"bufio"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scriptedServer is a NATS server at the other end of a pipe. It knows one other node, and
// stands still when told to.
type scriptedServer struct {
	node *Node

	refuses atomic.Bool   // no connection is made
	silent  atomic.Bool   // it answers nothing
	stuck   atomic.Bool   // it reads nothing
	writing chan struct{} // a token if nats.go writes, and waits

	ended chan struct{} // closed: nothing waits for it any more
}

func newScriptedServer(n *Node) *scriptedServer {
	return &scriptedServer{node: n, writing: make(chan struct{}, 1), ended: make(chan struct{})}
}

// dial connects to it.
func (s *scriptedServer) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if s.refuses.Load() {
		select {
		case <-ctx.Done():
		case <-s.ended:
		}
		return nil, net.ErrClosed
	}
	here, there := net.Pipe()
	go s.serve(there)
	return &scriptedConn{here, s}, nil
}

// end makes it let go of all that waits for it.
func (s *scriptedServer) end() {
	s.refuses.Store(true)
	close(s.ended)
}

// serve answers as a server does. It writes on a goroutine of its own: a pipe has no buffer,
// and nats.go takes in nothing while it writes with its lock held.
func (s *scriptedServer) serve(conn net.Conn) {
	defer conn.Close()
	go func() { <-s.ended; conn.Close() }()
	answers := make(chan string, 100)
	defer close(answers)
	go func() {
		for a := range answers {
			fmt.Fprint(conn, a)
		}
	}()
	if s.silent.Load() {
		<-s.ended
		return
	}
	answers <- `INFO {"server_id":"x","version":"2.15.2","proto":1,"headers":true,"max_payload":1048576}` + "\r\n"
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch f := strings.Fields(line); f[0] {
		case "PING":
			if !s.silent.Load() {
				answers <- "PONG\r\n"
			}
		case "PUB":
			size, _ := strconv.Atoi(f[2])
			r.Discard(size + 2)
		case "SUB":
			if f[1] == s.node.subjects.heartbeat {
				h := header{kind: kindHeartbeat, number: 2, incarnation: 1, sequence: 1}
				beat := (&heartbeat{}).appendTo(h.appendTo(nil))
				answers <- fmt.Sprintf("MSG %s %s %d\r\n%s\r\n", f[1], f[2], len(beat), beat)
			}
		}
	}
}

// scriptedConn is nats.go's end of the pipe. What it writes to a server that is stuck waits
// for ever, whatever its deadline.
type scriptedConn struct {
	net.Conn
	s *scriptedServer
}

func (c *scriptedConn) Write(b []byte) (int, error) {
	if c.s.stuck.Load() {
		signal(c.s.writing)
		<-c.s.ended
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// aloop is a program's loop, that calls everything there is to call in a frame.
type aloop struct {
	*testing.T
	n      *Node
	end    *end
	conn   *queuednet.Connection
	called map[string]bool
}

// call makes a call, in which no time passes.
func (l *aloop) call(name string, f func()) {
	began := time.Now()
	f()
	assert.Zero(l, time.Since(began), name)
	l.called[name] = true
}

func (l *aloop) frame() {
	n, g, id, d := l.n, l.n.Group("zone"), SessionID{1}, queuednet.NewDatagram(make([]byte, 1000))
	var ticket []byte
	for name, f := range map[string]func(){
		"Node.Address": func() { n.Address(l.conn) }, "Node.Connected": func() { n.Connected() },
		"Node.Connection": func() { n.Connection(n.Address(l.conn)) }, "Node.DataAvailable": func() { n.DataAvailable() },
		"Node.Drain": n.Drain, "Node.Err": func() { n.Err() }, "Node.Group": func() { n.Group("new") },
		"Node.IDs": func() { n.IDs() }, "Node.Incarnation": func() { n.Incarnation() },
		"Node.KeepState": func() { n.KeepState(id, make([]byte, 100)) }, "Node.ListenAddress": func() { n.ListenAddress() },
		"Node.Notify": func() { n.Notify() }, "Node.Number": func() { n.Number() }, "Node.MaxMessageSize": func() { n.MaxMessageSize() }, "Node.Self": func() { n.Self() },
		"Node.Send":           func() { n.Send(d, NodeAddress(2)); n.Send(d, n.Self()); n.Send(d, n.Address(l.conn)) },
		"Node.SetConnections": func() { n.SetConnections(1) }, "Node.Stats": func() { n.Stats() },
		"Node.Peers":      func() { exhaust(n.Peers()) },
		"Group.Broadcast": func() { g.Broadcast(l.end.writer, d); n.Group("other").Broadcast(nil, d) },
		"Group.Join":      func() { g.Join(l.conn) },
		"Group.Count":     func() { g.Count() }, "Group.Has": func() { g.Has(l.conn) },
		"Group.Name": func() { g.Name() }, "Group.Node": func() { g.Node() },
		"Group.SetRelay": func() { g.SetRelay(l.end.writer) }, "Group.String": func() { _ = g.String() },
		"Group.Watch":  n.Group("watched").Watch,
		"IDRange.Next": func() { n.IDs().Next() }, "IDRange.Alive": func() { n.IDs().Alive() }, "IDRange.Release": func() { n.IDs().Release(1) },
		"Group.Members": func() { exhaust(g.Members()) }, "Node.IssueTicket": func() { ticket, _ = n.IssueTicket(id, nil, time.Minute) },
		"Group.BroadcastExcept": func() { g.BroadcastExcept(l.end.writer, d, l.conn) },
		"Group.Counts": func() {
			for range g.Counts() {
			}
		},
	} {
		l.call(name, f)
	}
	l.inOrder(ticket)
}

// inOrder is the part of a frame whose calls need those before them.
func (l *aloop) inOrder(ticket []byte) {
	n, g := l.n, l.n.Group("zone")
	var pending *PendingSession
	l.call("Node.Redeem", func() { pending = n.Redeem(ticket) })
	l.call("PendingSession.Ready", func() { pending.Ready() })
	l.call("PendingSession.Result", func() { pending.Result() })
	l.call("Node.EndSession", func() { n.EndSession(SessionID{1}) })
	l.call("Node.Messages", func() {
		for m := range n.Messages() {
			l.call("Message.Datagram", func() { m.Datagram() })
			l.call("Message.Forward", func() { m.Forward(l.end.writer) })
			l.call("Message.From", func() { m.From() })
			l.call("Message.Group", func() { m.Group() })
			l.call("Message.Payload", func() { m.Payload() })
			l.call("Message.Sender", func() { m.Sender() })
			l.call("Message.To", func() { m.To() })
		}
	})
	l.call("Node.Events", func() { exhaust(n.Events()) })
	l.call("Group.Unwatch", n.Group("watched").Unwatch)
	l.call("Group.Leave", func() { g.Leave(l.conn) })
	l.call("Node.RemoveConnection", func() { n.RemoveConnection(l.conn) })
}

func exhaust[T any](all func(func(T) bool)) { all(func(T) bool { return true }) }

// stand waits until the pump stands in a function.
func stand(function string) {
	for buf := make([]byte, 1<<20); ; runtime.Gosched() {
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "(*pump).run(") && strings.Contains(stack, function) {
				return
			}
		}
	}
}

// waits are the calls of nats.go in which the pump may wait for ever, and how it gets there.
var waits = map[string]struct {
	in  string
	how func(*scriptedServer)
}{
	"dial":        {"(*scriptedServer).dial(", func(s *scriptedServer) {}},
	"greeting":    {"(*Conn).connect(", func(s *scriptedServer) {}},
	"publish":     {".(*Conn).Publish(", func(s *scriptedServer) { s.node.Group("zone").Broadcast(nil, queuednet.NewDatagram(nil)) }},
	"subscribe":   {".(*Conn).ChanSubscribe(", func(s *scriptedServer) { s.node.Group("x").Watch() }},
	"unsubscribe": {".(*Subscription).Unsubscribe(", func(s *scriptedServer) { s.node.Group("heard").Unwatch() }},
	"flush":       {".(*Conn).FlushTimeout(", func(s *scriptedServer) { s.node.Leave() }},
	"linger":      {"(*pump).linger(", func(s *scriptedServer) { s.node.Leave() }},
}

// bubble says that this process is the one in which nats.go's timers belong to a bubble: it
// keeps some, which must not get into another.
const bubble = "QUEUEDNET_CLUSTER_BUBBLE"

// Whatever call of nats.go the pump is in, and if none of them ever returns: each call that a
// loop makes returns without waiting. If one waited for the pump, it would wait for ever; if
// for a time, the time would pass. No clock of the machine is involved.
func TestNoCallWaits(t *testing.T) {
	for name := range waits {
		if inside := os.Getenv(bubble); inside == "" {
			t.Run(name, func(t *testing.T) {
				again := exec.Command(os.Args[0], "-test.run=^TestNoCallWaits$", "-test.timeout=1m", "-test.v")
				again.Env = append(os.Environ(), bubble+"="+name)
				out, err := again.CombinedOutput()
				assert.NoError(t, err, "%s", out)
			})
		} else if inside == name {
			synctest.Test(t, func(t *testing.T) { noCallWaits(t, name) })
		}
	}
}

func noCallWaits(t *testing.T, name string) {
	n, err := Open(&Config{Number: 1, MaxSendQueue: 100_000})
	require.NoError(t, err)
	n.config.Servers = []string{"nats://192.0.2.1"} // a name would be looked up, outside the bubble
	n.receiver, n.pump = newReceiver(n), newPump(n)
	s := newScriptedServer(n)
	n.pump.carrier.dial = s.dial
	s.refuses.Store(name == "dial")
	s.silent.Store(name == "greeting")
	go n.receiver.run()
	go n.pump.run()
	l := &aloop{T: t, n: n, end: newEnd(t), called: make(map[string]bool)}
	l.conn, _ = l.end.player()

	if name != "dial" && name != "greeting" {
		n.Group("heard").Watch()
		time.Sleep(time.Millisecond) // until the pump has nothing to do, and the clock shows something
		synctest.Wait()
		require.True(t, n.Connected())
		require.True(t, n.present(NodeAddress(2)))
	}
	switch name {
	case "publish", "subscribe", "unsubscribe":
		s.stuck.Store(true)
		n.Group("zone").Broadcast(nil, queuednet.NewDatagram(nil))
		<-s.writing // nats.go's lock is held for ever
	case "flush":
		s.silent.Store(true)
	}
	require.NoError(t, n.Send(queuednet.NewDatagram(nil), n.Self())) // one that has left sends nothing more
	waits[name].how(s)
	stand(waits[name].in)
	for range 3 {
		l.frame()
	}
	for d := queuednet.NewDatagram(make([]byte, 1000)); n.Stats().RefusedFull == 0 && n.Err() == nil; {
		l.call("Group.Broadcast", func() { n.Group("zone").Broadcast(nil, d) })
	}
	l.frame()
	stand(waits[name].in)
	l.call("Node.Leave", n.Leave)
	l.frame()
	stand(waits[name].in)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(l.called)), callsOfALoop(t))
	s.end()
	assert.NoError(t, n.Close())
}

// callsOfALoop are all methods that are exported, but those that BLOCK.
func callsOfALoop(t *testing.T) (calls []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() || strings.Contains(f.Doc.Text(), "BLOCKS") {
				continue
			}
			if pointer, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok {
				switch on := pointer.X.(*ast.Ident).Name; on {
				case "Node", "Group", "Message", "PendingSession", "IDRange":
					calls = append(calls, on+"."+f.Name.Name)
				}
			}
		}
	}
	return calls
}
