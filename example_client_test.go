package queuednet_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/queuednet/queuednet"
)

// A client of a game, as README has it.
type client struct {
	manager *queuednet.QueuedConnectionManager
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
	host    string
	port    int

	pending *queuednet.PendingConnection // while it is connecting
	server  *queuednet.Connection        // while it is connected
	pause   time.Duration                // before the last attempt
	again   time.Time                    // when the next attempt is due

	name  string
	world world
}

func newClient(address, name string) (*client, error) {
	host, port, err := queuednet.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	manager := queuednet.NewQueuedConnectionManager(nil)
	return &client{
		manager: manager,
		reader:  queuednet.NewQueuedConnectionReader(manager),
		writer:  queuednet.NewConnectionWriter(manager),
		host:    host, port: port, name: name,
	}, nil
}

// Update is one frame of the client. It never waits.
func (c *client) Update() {
	switch {
	case c.server == nil && c.pending == nil && time.Now().After(c.again):
		c.pending = c.manager.BeginTCPClientConnection(c.host, c.port, 5*time.Second)
	case c.pending != nil && c.pending.Ready():
		c.connected(c.pending.Result())
	}
	for datagram := range c.reader.Datagrams() {
		c.pause = 0 // this server lets us in
		c.world.handle(datagram.Iterator())
	}
	for conn := range c.manager.ResetConnections() {
		c.server = nil
		c.tryAgain(conn.Err())
	}
}

func (c *client) connected(server *queuednet.Connection, err error) {
	c.pending = nil
	if err != nil {
		c.tryAgain(err)
		return
	}
	c.server = server
	c.reader.AddConnection(server) // without this nothing is read
	c.writer.Send(hello(c.name), server)
}

// tryAgain waits a quarter of a second before the next attempt, and twice as long
// after each failure, at most 10 seconds.
func (c *client) tryAgain(why error) {
	c.pause = min(max(2*c.pause, time.Second/4), 10*time.Second)
	c.again = time.Now().Add(c.pause/2 + rand.N(c.pause/2)) // not all players at once
	c.world.showOffline(why)
}

// A world is what the game knows. This one shows what the server says.
type world struct{ heard int }

func (w *world) handle(it queuednet.DatagramIterator) {
	w.heard++
	fmt.Println("the server says:", it.GetString())
}

func (w *world) showOffline(why error) { fmt.Println("no server:", why) }

func hello(name string) *queuednet.Datagram {
	var dg queuednet.Datagram
	dg.AddString(name)
	return &dg
}

// A client's Update, as README has it, whose server goes and comes back.
func Example_client() {
	first, err := newGreeter("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	address := first.rendezvous.LocalAddress().String()
	client, err := newClient(address, "Ada")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.manager.Close()

	frame := time.Tick(time.Second / 60)
	for ; client.world.heard < 1; <-frame {
		first.frame()
		client.Update()
	}
	first.manager.Close()
	for ; client.server != nil; <-frame {
		client.Update()
	}
	second, err := newGreeter(address)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.manager.Close()
	for ; client.world.heard < 2; <-frame {
		second.frame()
		client.Update()
	}

	// Output:
	// the server says: welcome, Ada
	// no server: EOF
	// the server says: welcome, Ada
}

// A greeter is a server that welcomes its players.
type greeter struct {
	manager    *queuednet.QueuedConnectionManager
	rendezvous *queuednet.Connection
	listener   *queuednet.QueuedConnectionListener
	reader     *queuednet.QueuedConnectionReader
}

func newGreeter(address string) (*greeter, error) {
	manager := queuednet.NewQueuedConnectionManager(nil)
	at, err := queuednet.ParseNetAddress(address)
	if err != nil {
		return nil, err
	}
	rendezvous, err := manager.OpenTCPServerRendezvousAt(at, 0)
	if err != nil {
		return nil, err
	}
	listener := queuednet.NewQueuedConnectionListener(manager)
	return &greeter{manager, rendezvous, listener, queuednet.NewQueuedConnectionReader(manager)}, listener.AddConnection(rendezvous)
}

func (g *greeter) frame() {
	for conn := range g.listener.NewConnections() {
		g.reader.AddConnection(conn)
	}
	for datagram := range g.reader.Datagrams() {
		it := datagram.Iterator()
		var welcome queuednet.Datagram
		welcome.AddString("welcome, " + it.GetString())
		queuednet.NewConnectionWriter(g.manager).Send(&welcome, datagram.Connection())
	}
}
