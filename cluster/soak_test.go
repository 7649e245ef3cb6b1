package cluster

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	soakTime = flag.Duration("soak", 10*time.Minute, "how long TestSoak takes")
	soakBots = flag.Int("bots", 1000, "how many bots each node of TestSoak has")
)

const soakZones = 50

// A world is a node with players over TCP, who are bots in the same process. Each bot is in
// one zone, moves now and then, and says something every few seconds, which all in the zone
// hear, on whichever node.
type world struct {
	*worker
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter

	clients       *queuednet.QueuedConnectionManager
	clientsReader *queuednet.QueuedConnectionReader
	clientsWriter *queuednet.ConnectionWriter
	bots          []*queuednet.Connection

	zones   []*Group
	players []*queuednet.Connection
	where   map[*queuednet.Connection]*Group
}

func newWorld(w *worker) (*world, error) {
	m, c := queuednet.NewQueuedConnectionManager(nil), queuednet.NewQueuedConnectionManager(nil)
	world := &world{
		worker: w, manager: m, listener: queuednet.NewQueuedConnectionListener(m),
		reader: queuednet.NewQueuedConnectionReader(m), writer: queuednet.NewConnectionWriter(m),
		clients: c, clientsReader: queuednet.NewQueuedConnectionReader(c), clientsWriter: queuednet.NewConnectionWriter(c),
		where: make(map[*queuednet.Connection]*Group),
	}
	for i := range soakZones {
		world.zones = append(world.zones, w.Group("zone."+strconv.Itoa(i)))
	}
	var local queuednet.NetAddress
	if err := local.SetLocalhost(0); err != nil {
		return nil, err
	}
	rendezvous, err := m.OpenTCPServerRendezvousAt(local, 100)
	if err != nil {
		return nil, err
	}
	if err := world.listener.AddConnection(rendezvous); err != nil {
		return nil, err
	}
	for range w.Bots {
		bot, err := c.OpenTCPClientConnection("127.0.0.1", int(rendezvous.LocalAddress().Port()), patience)
		if err != nil {
			return nil, err
		}
		world.clientsReader.AddConnection(bot)
		world.bots = append(world.bots, bot)
	}
	return world, nil
}

func (w *world) frame() {
	for conn := range w.listener.NewConnections() {
		w.reader.AddConnection(conn)
		w.players = append(w.players, conn)
		w.move(conn, w.zones[len(w.players)%soakZones])
	}
	for d := range w.reader.Datagrams() {
		zone := w.where[d.Connection()]
		w.sums.Delivered += uint64(zone.members())
		if zone.Broadcast(w.writer, &d.Datagram) == nil {
			w.sums.Sent++
		}
	}
	for m := range w.Messages() {
		w.sums.Received[m.From()]++
		w.sums.Delivered += uint64(m.Group().members())
		m.Forward(w.writer)
	}
	w.tellEvents()
	for range w.clientsReader.Datagrams() {
		w.sums.Heard++
	}
	if !w.sending {
		return
	}
	said := queuednet.NewDatagram(make([]byte, 64))
	for range len(w.bots) / 240 { // each bot every 4 seconds
		w.clientsWriter.Send(said, w.bots[rand.IntN(len(w.bots))])
	}
	if conn := w.players[rand.IntN(len(w.players))]; w.where[conn].members() > 1 { // somebody stays
		w.move(conn, w.zones[rand.IntN(soakZones)])
	}
}

func (w *world) move(conn *queuednet.Connection, to *Group) {
	if from := w.where[conn]; from != to {
		to.Join(conn)
		from.Leave(conn)
		w.where[conn] = to
	}
}

// Three processes with a thousand bots each: what one node sent is what the others received
// or miss, what was delivered is what the bots heard; a node that is killed takes its own
// along.
func TestSoak(t *testing.T) {
	if !*long {
		t.Skip("it takes 10 minutes: with -long")
	}
	var all []*process
	for i := range 3 {
		c := Config{Number: uint16(i + 1), Listen: "127.0.0.1:0"}
		for _, p := range all {
			c.Routes = append(c.Routes, p.addr)
		}
		all = append(all, start(t, order{Config: settings{Config: c}, Bots: *soakBots}))
	}
	for _, p := range all {
		for _, other := range all {
			if p != other && len(p.about(other.number)) == 0 {
				p.await("NodeJoined", other.number)
			}
		}
	}
	time.Sleep(2 * time.Second) // all bots are in
	for _, p := range all {
		p.tell("go")
	}
	for end := time.Now().Add(*soakTime / 2); time.Now().Before(end); {
		time.Sleep(min(time.Minute, *soakTime/4))
		for _, p := range all {
			s := p.ask()
			t.Logf("node %d: sent %d, received %v, missed %v, heard %d", p.number, s.Sent, s.Received, s.Missed, s.Heard)
		}
	}
	soakBalance(t, all...)
	for _, p := range all {
		p.tell("go")
	}
	time.Sleep(time.Second)
	all[2].kill()
	for _, p := range all[:2] {
		p.await("NodeLeft", 3)
	}
	time.Sleep(*soakTime / 2)
	soakBalance(t, all[:2]...)
	for _, p := range all[:2] {
		assert.Equal(t, []string{"NodeJoined", "NodeLeft"}, p.about(3))
		assert.Equal(t, []string{"NodeJoined"}, p.about(3-p.number))
	}
}

func soakBalance(t *testing.T, all ...*process) {
	for number, s := range balance(t, all...) {
		assert.Empty(t, s.Missed)
		require.Eventually(t, func() bool {
			now := all[number-1].ask()
			s = now
			return now.Heard == now.Delivered
		}, patience, 100*time.Millisecond, "node %d delivered %d, its bots heard %d", number, s.Delivered, s.Heard)
		t.Logf("node %d: sent %d, received %v, delivered %d to its bots, heard %d", number, s.Sent, s.Received, s.Delivered, s.Heard)
		assert.Positive(t, s.Heard)
	}
}
