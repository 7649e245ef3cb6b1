package record_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/queuednet/queuednet/record"
)

// A game counts what its players say, and says it back. Its frame is the same
// whether it is played, recorded or replayed.
type game struct {
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
	recorder *record.Recorder

	players map[*queuednet.Connection]bool
	world   map[string]int
	left    int
}

// newGame returns a game that is recorded into sink, or not with nil.
func newGame(sink datagramfile.DatagramSink) *game {
	manager := queuednet.NewQueuedConnectionManager(nil)
	reader := queuednet.NewQueuedConnectionReader(manager)
	return &game{
		manager:  manager,
		listener: queuednet.NewQueuedConnectionListener(manager),
		reader:   reader,
		writer:   queuednet.NewConnectionWriter(manager),
		recorder: record.NewRecorder(reader, sink),
		players:  make(map[*queuednet.Connection]bool),
		world:    make(map[string]int),
	}
}

func (g *game) frame() {
	for conn := range g.listener.NewConnections() {
		g.recorder.Opened(conn)
		g.players[conn] = true
		g.reader.AddConnection(conn)
	}
	for datagram := range g.recorder.Datagrams() {
		it := datagram.Iterator()
		word := it.GetString()
		g.world[fmt.Sprintf("%q among %d", word, len(g.players))]++
		g.writer.Send(&datagram.Datagram, datagram.Connection())
	}
	for conn := range g.manager.ResetConnections() {
		g.recorder.Ended(conn)
		delete(g.players, conn)
		g.left++
	}
}

func (g *game) print() {
	for _, what := range slices.Sorted(maps.Keys(g.world)) {
		fmt.Printf("%s: %d\n", what, g.world[what])
	}
	fmt.Println(len(g.players), "here,", g.left, "left")
}

// A session of a running server is recorded into a file. Played back as fast as
// the game takes it, through the game's own loop, it leads to the same world.
func Example() {
	name := filepath.Join(os.TempDir(), fmt.Sprintf("session-%d.rec", os.Getpid()))
	defer os.Remove(name)
	if err := recordSession(name); err != nil {
		fmt.Println(err)
		return
	}

	file, err := os.Open(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	replayed := newGame(nil)
	defer replayed.manager.Close()
	replay, err := record.NewReplay(replayed.reader, datagramfile.NewDatagramInputFile(file), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := replayed.listener.AddConnection(replay.Rendezvous()); err != nil {
		fmt.Println(err)
		return
	}
	for !replay.Done() {
		replayed.frame()
		time.Sleep(time.Millisecond)
	}
	if err := replay.Err(); err != nil { // the recording is damaged; what comes before was played
		fmt.Println(err)
	}
	replayed.print()

	// Output:
	// recorded:
	// "bye" among 2: 1
	// "hello" among 1: 1
	// "hello" among 2: 2
	// 1 here, 1 left
	// replayed:
	// "bye" among 2: 1
	// "hello" among 1: 1
	// "hello" among 2: 2
	// 1 here, 1 left
}

// A program with UDP opens its connection by the Replay when it replays; the rest is
// the same.
func ExampleReplay_OpenUDPConnection() {
	var recording datagramfile.DatagramBuffer
	// play is the program: it takes two datagrams.
	play := func(recorder *record.Recorder, udp *queuednet.Connection, reader *queuednet.QueuedConnectionReader) {
		recorder.Opened(udp)
		reader.AddConnection(udp)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		for taken := 0; taken < 2 && reader.Manager().WaitForReaders(ctx) == nil; {
			for datagram := range recorder.Datagrams() {
				fmt.Printf("%s over UDP: %v\n", datagram.Message(), datagram.Connection().IsUDP())
				taken++
			}
		}
	}

	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()
	reader := queuednet.NewQueuedConnectionReader(manager)
	udp, err := manager.OpenUDPConnection(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	var itself queuednet.NetAddress
	if err := itself.SetLocalhost(udp.LocalAddress().Port()); err != nil {
		fmt.Println(err)
		return
	}
	writer := queuednet.NewConnectionWriter(manager)
	writer.SendTo(queuednet.NewDatagram([]byte("hello")), udp, itself)
	writer.SendTo(queuednet.NewDatagram([]byte("again")), udp, itself)
	play(record.NewRecorder(reader, &recording), udp, reader)

	replayed := queuednet.NewQueuedConnectionManager(nil)
	defer replayed.Close()
	reader = queuednet.NewQueuedConnectionReader(replayed)
	replay, err := record.NewReplay(reader, &recording, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	listener := queuednet.NewQueuedConnectionListener(replayed)
	if err := listener.AddConnection(replay.Rendezvous()); err != nil { // without which it does not play
		fmt.Println(err)
		return
	}
	udp, err = replay.OpenUDPConnection() // was: manager.OpenUDPConnection
	if err != nil {
		fmt.Println(err)
		return
	}
	play(record.NewRecorder(reader, nil), udp, reader)

	// Output:
	// hello over UDP: true
	// again over UDP: true
	// hello over UDP: true
	// again over UDP: true
}

// open opens the server at a port of the system's choice.
func (g *game) open() (port int, err error) {
	address, err := queuednet.ParseNetAddress("127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	rendezvous, err := g.manager.OpenTCPServerRendezvousAt(address, 0)
	if err != nil {
		return 0, err
	}
	return rendezvous.LocalAddress().Port(), g.listener.AddConnection(rendezvous)
}

func say(writer *queuednet.ConnectionWriter, conn *queuednet.Connection, word string) {
	var datagram queuednet.Datagram
	datagram.AddString(word)
	writer.Send(&datagram, conn)
}

// recordSession is the server: two players come, and one of them goes.
func recordSession(name string) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	g := newGame(datagramfile.NewDatagramOutputFile(file))
	defer g.manager.Close()
	port, err := g.open()
	if err != nil {
		return err
	}

	players := queuednet.NewQueuedConnectionManager(nil)
	defer players.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	join := func() (*queuednet.Connection, error) {
		return players.OpenTCPClientConnection("127.0.0.1", port, time.Second)
	}
	writer := queuednet.NewConnectionWriter(players)
	until := func(done func() bool) {
		for !done() && g.manager.WaitForReaders(ctx) == nil {
			g.frame()
		}
	}

	ada, err := join()
	if err != nil {
		return err
	}
	say(writer, ada, "hello")
	until(func() bool { return len(g.world) == 1 })
	grace, err := join()
	if err != nil {
		return err
	}
	until(func() bool { return len(g.players) == 2 })
	say(writer, ada, "hello")
	say(writer, grace, "hello")
	until(func() bool { return g.world[`"hello" among 2`] == 2 })
	say(writer, grace, "bye")
	players.CloseConnection(grace)
	until(func() bool { return g.left == 1 })
	fmt.Println("recorded:")
	g.print()
	fmt.Println("replayed:")
	return g.recorder.Flush() // a server does so once a second, say, and in a deferred call
}
