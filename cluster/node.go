package cluster

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A Node is this process's place in a cluster. Its methods may be called from any
// goroutine, but one drains Messages and one Events at a time, and none of them waits but
// those whose documentation says BLOCKS. On nil, and on a zero value, they do nothing, and
// those that can fail fail.
type Node struct {
	config      Config
	subjects    subjects
	incarnation uint64
	began       time.Time

	groups   groupTable
	members  members
	presence presence
	counts   changedCounts
	peers    peers
	counters counters
	alive    [maxNumber + 1]atomic.Uint64 // incarnations of the nodes that are there

	ids      IDRange
	sessions sessions
	out      outgoing
	in       incoming
	drain    drain

	// Of a node that is not alone:
	server   *embedded // unless there are Servers
	pump     *pump
	receiver *receiver

	connected   atomic.Bool
	connects    atomic.Uint32
	connections atomic.Int64
	draining    atomic.Bool
	left        atomic.Bool
	awayUntil   atomic.Int64
	looked      atomic.Int64 // when ended connections were looked for, alone

	cause     atomic.Pointer[error] // why it has ended
	ended     chan struct{}         // closed with cause
	closing   chan struct{}         // closed by Close
	closeOnce sync.Once
}

// Open makes this process a node of a cluster. It fails with a *ConfigError for an
// impossible setting, and with the system's error where Config.Listen is in use. With an
// embedded server it takes some 30 ms; connecting to others, and to external servers,
// goes on in the background, for as long as it takes: Connected and Events tell.
func Open(config *Config) (*Node, error) {
	c, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Node{
		config:      c,
		subjects:    newSubjects(c.Cluster),
		incarnation: uint64(time.Now().UnixNano()),
		began:       time.Now(),
		ended:       make(chan struct{}),
		closing:     make(chan struct{}),
	}
	n.ids.node = uint32(c.Number)
	n.groups.init()
	n.members.init()
	n.sessions.init(&n.config)
	n.presence.groups = make(map[string][]memberCount)
	n.peers.all = make(map[uint16]*peer)
	n.in.init(c.MaxReceiveQueue)
	n.out = outgoing{
		limit: int64(c.MaxSendQueue), number: c.Number, incarnation: n.incarnation, began: n.began,
		wake: make(chan struct{}, 1), links: make(map[uint16]*link),
		rate: rate{perSecond: int64(c.MaxPublishRate), left: int64(c.MaxPublishRate / 4)},
	}
	if !c.alone() {
		if err := n.start(); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (n *Node) start() (err error) {
	if len(n.config.Servers) == 0 {
		if n.server, err = startEmbedded(&n.config, n.incarnation); err != nil {
			return err
		}
	}
	n.receiver = newReceiver(n)
	n.pump = newPump(n)
	if _, err := n.pump.carrier.options(); err != nil {
		return err
	}
	go n.receiver.run()
	go n.pump.run()
	return nil
}

// isZero reports whether n is not of Open.
func (n *Node) isZero() bool { return n == nil || n.closing == nil }

// now is the node's own clock. It is never compared with another's.
func (n *Node) now() time.Duration { return time.Since(n.began) }

// Number returns the node's own number.
func (n *Node) Number() uint16 {
	if n == nil {
		return 0
	}
	return n.config.Number
}

// Incarnation returns what tells this run of the node from an earlier one with the same
// number.
func (n *Node) Incarnation() uint64 {
	if n == nil {
		return 0
	}
	return n.incarnation
}

// MaxMessageSize returns Config.MaxMessageSize, or its default.
func (n *Node) MaxMessageSize() int {
	if n == nil {
		return 0
	}
	return n.config.MaxMessageSize
}

// ListenAddress returns where the embedded server expects routes: Config.Listen with the
// port that the system chose. It is empty where there is none.
func (n *Node) ListenAddress() string {
	if n.isZero() || n.server == nil {
		return ""
	}
	return n.server.address()
}

// Connected reports whether there is a way to NATS. It does not say whether another node is
// there: Peers does. A node that is alone is never connected.
func (n *Node) Connected() bool { return !n.isZero() && n.connected.Load() }

// SetConnections sets what the others see as Peer.Connections of this node: how many
// players it has, say. It is told with the next heartbeat.
func (n *Node) SetConnections(connections int) {
	if !n.isZero() {
		n.connections.Store(int64(max(connections, 0)))
	}
}

// Err returns why the node takes part no longer: ErrDuplicateNumber, ErrCredentials,
// ErrServerVersion, net.ErrClosed after Close; nil as long as it does.
func (n *Node) Err() error {
	if n.isZero() {
		return errZero
	}
	if cause := n.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

// Drain tells the other nodes that this one is going to leave, so that they can take its
// players: their Events say NodeDraining, and their Peers PeerDraining. Nothing else
// changes: it is for the time in which the players are told to move.
func (n *Node) Drain() {
	if n.isZero() || n.draining.Swap(true) || n.pump == nil {
		return
	}
	signal(n.pump.hurry)
}

// Leave tells the other nodes at once that this one leaves: they get NodeLeft with ErrLeft.
// What was sent before still goes out, and arrives before that; what is sent later is
// refused with ErrLeft. Close is still needed, and does the same where Leave was not called.
func (n *Node) Leave() {
	if n.isZero() {
		return
	}
	n.fail(ErrLeft)
}

// fail ends the node's part in the cluster because of err, unless it has ended before.
func (n *Node) fail(err error) bool {
	if !n.cause.CompareAndSwap(nil, &err) {
		return false
	}
	n.out.close(err)
	if err != ErrLeft && err != net.ErrClosed {
		n.happened(Event{Kind: Ended, Err: err})
	}
	close(n.ended)
	return true
}

// Close leaves the cluster as Leave does and BLOCKS until what was sent has reached the
// servers and the other nodes, and nothing of the node is left, at most Config.CloseTimeout.
// A node that is there and does not answer, because it hangs, takes half of that. What other
// nodes have sent and the program has not taken is lost. A second call returns
// net.ErrClosed when the first one is over.
func (n *Node) Close() error {
	if n.isZero() {
		return errZero
	}
	err := net.ErrClosed
	n.closeOnce.Do(func() {
		err = nil
		n.fail(net.ErrClosed)
		closed := net.ErrClosed
		n.cause.Store(&closed)
		n.out.close(net.ErrClosed)
		close(n.closing)
		if n.pump != nil {
			n.shutdown()
		}
	})
	return err
}

// shutdown ends the goroutines, in the order in which they depend on each other.
func (n *Node) shutdown() {
	timeout := n.config.CloseTimeout
	end := time.Now().Add(timeout)
	if !within(timeout*6/10, n.pump.done) {
		n.pump.carrier.breakOff()
		within(timeout*2/10, n.pump.done)
	}
	n.pump.carrier.breakOff()
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		<-n.pump.done
		if conn := n.pump.carrier.conn; conn != nil {
			conn.Close()
		}
		if n.server != nil {
			n.server.stop()
		}
		close(n.receiver.stop)
		<-n.receiver.done
	}()
	within(time.Until(end), rest)
}

// within waits for done, at most so long.
func within(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

func (n *Node) isClosing() bool {
	select {
	case <-n.closing:
		return true
	default:
		return false
	}
}

// flags are those of a heartbeat.
func (n *Node) flags(now time.Duration) (flags uint8) {
	if n.left.Load() {
		flags |= flagLeaving
	}
	if n.draining.Load() {
		flags |= flagDraining
	}
	if int64(now) < n.awayUntil.Load() {
		flags |= flagAway
	}
	return flags
}

// pumpLooks makes the pump look at the interest in a group.
func (n *Node) pumpLooks(g *Group) {
	if n.pump != nil {
		n.out.interest(g)
	}
}

// happened queues an event of this node, and logs it.
func (n *Node) happened(e Event) {
	e.At = time.Now()
	n.in.raise(e)
	if n.config.Logger == nil || e.Kind.adds() {
		return
	}
	n.config.Logger.Info("cluster: "+e.Kind.String(), "number", n.config.Number, "node", e.Node,
		"incarnation", e.Incarnation, "error", e.Err)
}

func (n *Node) log(text string, args ...any) {
	if n.config.Logger != nil {
		n.config.Logger.Warn("cluster: "+text, args...)
	}
}
