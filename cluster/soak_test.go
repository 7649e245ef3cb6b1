package cluster

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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

const (
	soakNodes = 3
	soakZones = 50
)

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
	ledger  *os.File
	ready   bool
	frames  int
	said    int
}

func newWorld(w *worker) (*world, error) {
	m, c := queuednet.NewQueuedConnectionManager(nil), queuednet.NewQueuedConnectionManager(nil)
	world := &world{
		worker: w, manager: m, listener: queuednet.NewQueuedConnectionListener(m),
		reader: queuednet.NewQueuedConnectionReader(m), writer: queuednet.NewConnectionWriter(m),
		clients: c, clientsReader: queuednet.NewQueuedConnectionReader(c), clientsWriter: queuednet.NewConnectionWriter(c),
		where: make(map[*queuednet.Connection]*Group),
	}
	var err error
	if world.ledger, err = os.Create(w.Ledger); err != nil {
		return nil, err
	}
	for i := range soakZones {
		world.zones = append(world.zones, w.Group("zone."+strconv.Itoa(i)))
	}
	var local queuednet.NetAddress
	if err := local.SetLocalhost(0); err != nil {
		return nil, err
	}
	rendezvous, err := m.OpenTCPServerRendezvousAt(local, w.Bots) // all come before the first frame
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
		w.note(w.sums.Sent + 1)
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
	w.tellReady()
	if !w.sending {
		return
	}
	said := queuednet.NewDatagram(make([]byte, 64))
	for w.frames++; w.said < w.frames*len(w.bots)/240; w.said++ { // each bot every 4 seconds
		w.clientsWriter.Send(said, w.bots[rand.IntN(len(w.bots))])
	}
	if conn := w.players[rand.IntN(len(w.players))]; w.where[conn].members() > 1 { // somebody stays
		w.move(conn, w.zones[rand.IntN(soakZones)])
	}
}

// tellReady tells once that all bots are in and that each zone has members on all nodes, which
// hear of it from then on.
func (w *world) tellReady() {
	if w.ready || len(w.players) < len(w.bots) {
		return
	}
	for _, zone := range w.zones {
		nodes := 0
		for range zone.Counts() {
			nodes++
		}
		if nodes < soakNodes {
			return
		}
	}
	w.ready = true
	w.report(report{Event: "Ready"})
}

// note writes how much is sent to where it can be read when the process has been killed.
func (w *world) note(sent uint64) {
	if _, err := w.ledger.WriteAt(binary.LittleEndian.AppendUint64(nil, sent), 0); err != nil {
		panic(err)
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
// or miss, what was delivered is what the bots heard; what a node that is killed takes along is
// counted.
func TestSoak(t *testing.T) {
	if !*long {
		t.Skip("it takes 10 minutes: with -long")
	}
	var all []*process
	var ledgers []string
	for i := range soakNodes {
		c := Config{Number: uint16(i + 1), Listen: "127.0.0.1:0"}
		for _, p := range all {
			c.Routes = append(c.Routes, p.addr)
		}
		ledgers = append(ledgers, filepath.Join(t.TempDir(), "sent"))
		all = append(all, start(t, order{Config: settings{Config: c}, Bots: *soakBots, Ledger: ledgers[i]}))
	}
	for _, p := range all {
		p.await("Ready", 0)
	}
	for _, p := range all {
		p.tell("go")
	}
	soakFor(t, *soakTime/2, all...)
	for _, p := range all {
		p.tell("go")
	}
	time.Sleep(time.Second)
	killed := all[2]
	killed.kill()
	for _, p := range all[:2] {
		p.await("NodeLeft", killed.number)
	}
	soakFor(t, *soakTime/2, all[:2]...)
	b, err := os.ReadFile(ledgers[2])
	require.NoError(t, err)
	sent := binary.LittleEndian.Uint64(b)
	for _, p := range all[:2] {
		assert.Equal(t, []string{"NodeJoined", "NodeLeft"}, p.about(killed.number))
		assert.Equal(t, []string{"NodeJoined"}, p.about(3-p.number))
		s := p.ask()
		known := s.Received[killed.number] + s.Missed[killed.number]
		t.Logf("node %d: of %d from node %d it has %d and misses %d: %d were taken along", p.number, sent, killed.number,
			s.Received[killed.number], s.Missed[killed.number], int64(sent-known))
		assert.LessOrEqual(t, known, sent)
		assert.LessOrEqual(t, sent-known, uint64(*soakBots), "more than 4 seconds of it")
	}
}

// soakFor lets nodes go on for so long, stops them and adds up.
func soakFor(t *testing.T, lasts time.Duration, all ...*process) {
	t.Helper()
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		time.Sleep(min(time.Minute, time.Until(end)))
		for _, p := range all {
			s := p.ask()
			t.Logf("node %d: sent %d, received %v, missed %v, heard %d; paused %d times, too old %d, foreign %d, late %d, dropped %d, reconnects %d",
				p.number, s.Sent, s.Received, s.Missed, s.Heard, len(p.told("Paused")),
				s.Stats.TooOld, s.Stats.Foreign, s.Stats.Late, s.Stats.Dropped, s.Stats.Reconnects)
		}
	}
	paused := slices.ContainsFunc(all, func(p *process) bool { return len(p.told("Paused")) > 0 })
	for number, s := range balance(t, all...) {
		if !paused { // the machine has stopped them: they have lost something, and know how much
			for _, p := range all {
				assert.Zero(t, s.Missed[p.number])
			}
		}
		require.Eventually(t, func() bool {
			now := all[number-1].ask()
			s = now
			return now.Heard == now.Delivered
		}, patience, 100*time.Millisecond, "node %d delivered %d, its bots heard %d", number, s.Delivered, s.Heard)
		t.Logf("node %d: sent %d, received %v, missed %v, delivered %d to its bots, heard %d", number, s.Sent, s.Received, s.Missed, s.Delivered, s.Heard)
		assert.Positive(t, s.Heard)
	}
}
