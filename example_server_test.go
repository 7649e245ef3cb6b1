package queuednet_test

import (
	"context"
	"fmt"
	"log"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
)

// A player of a game with one rule: who says "cheat" is kicked, at once, whatever is
// queued behind that.
type player struct {
	conn  *queuednet.Connection
	moves int
}

func newPlayer(conn *queuednet.Connection) *player { return &player{conn: conn} }

func (p *player) handle(it queuednet.DatagramIterator) {
	p.moves++
	if it.GetString() == "cheat" {
		p.conn.Close()
	}
}

type game struct{ steps int }

func (g *game) Step() { g.steps++ }

func (g *game) State() *queuednet.Datagram {
	var state queuednet.Datagram
	state.AddUint32(uint32(g.steps))
	return &state
}

// The server of README. A kick in the middle of a drain needs no care: the player stays
// in the map until ResetConnections tells that it has left.
func Example_server() {
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{ReportClosed: true})
	defer manager.Close()
	listener := queuednet.NewQueuedConnectionListener(manager)
	reader := queuednet.NewQueuedConnectionReader(manager)
	writer := queuednet.NewConnectionWriter(manager)
	rendezvous, err := manager.OpenTCPServerRendezvous(0, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	listener.AddConnection(rendezvous)
	log := log.New(os.Stdout, "", 0)
	players := make(map[*queuednet.Connection]*player)
	world := new(game)

	client := cheater(rendezvous.LocalAddress().Port())
	defer client.Close()
	for range time.Tick(time.Second / 60) {
		for conn := range listener.NewConnections() {
			players[conn] = newPlayer(conn)
			reader.AddConnection(conn)
		}
		for datagram := range reader.Datagrams() {
			players[datagram.Connection()].handle(datagram.Iterator())
		}
		for conn := range manager.ResetConnections() { // who has left, and who was kicked
			log.Print(players[conn].moves, " moves, left: ", conn.Err())
			delete(players, conn)
		}
		world.Step()
		writer.Broadcast(world.State(), maps.Keys(players))
		if manager.Stats().Ends.Closed > 0 && len(players) == 0 {
			break
		}
	}

	// Output: 3 moves, left: use of closed network connection
}

// cheater connects a client that says what it should not, and goes on.
func cheater(port int) *queuednet.QueuedConnectionManager {
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{CollectTCP: true, CollectTCPInterval: time.Hour})
	writer := queuednet.NewConnectionWriter(manager)
	server, err := manager.OpenTCPClientConnection("127.0.0.1", port, 10*time.Second)
	if err != nil {
		panic(err)
	}
	server.Flush()
	for _, said := range []string{"cheat", "and", "more"} { // which leave in one piece
		var datagram queuednet.Datagram
		datagram.AddString(said)
		writer.Send(&datagram, server)
	}
	writer.Flush()
	return manager
}

// The frame that README and the package documentation show is the one that compiles and
// runs.
func TestReadmeServer(t *testing.T) {
	const begin, end = "for conn := range listener.NewConnections() {", "maps.Keys(players))"
	frameOf := func(name, indent string) string {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		_, rest, found := strings.Cut(string(b), indent+begin)
		require.True(t, found, name)
		text, _, found := strings.Cut(rest, end)
		require.True(t, found, name)
		return strings.ReplaceAll(text, "\n"+indent, "\n")
	}
	source := frameOf("example_server_test.go", "\t\t")
	source = strings.ReplaceAll(source, "players[conn].moves, \" moves, left: \"", "conn.Address(), \" left: \"")
	assert.Equal(t, source, frameOf("README.md", "\t"))
	assert.Equal(t, source, frameOf("doc.go", "//\t"))
}

// Rooms are sets of connections.
func ExampleExcept() {
	p := connected()
	defer p.close()
	other, otherSide := p.join()
	room := map[*queuednet.Connection]bool{p.accepted: true, other: true}

	speaker := p.accepted
	said := queuednet.NewDatagram([]byte("hello"))
	p.serverWriter.Broadcast(said, queuednet.Except(maps.Keys(room), speaker))

	p.client.WaitForReaders(context.Background())
	for datagram := range p.clientReader.Datagrams() {
		fmt.Println(datagram.Connection() == otherSide, string(datagram.Message()))
	}

	// Output: true hello
}

func ExampleConnection_SetUserData() {
	p := connected()
	defer p.close()
	p.accepted.SetUserData(&player{moves: 7})

	p.clientWriter.Send(queuednet.NewDatagram(nil), p.opened)
	p.server.WaitForReaders(context.Background())
	for datagram := range p.serverReader.Datagrams() {
		player := datagram.Connection().UserData().(*player)
		fmt.Println(player.moves)
	}

	// Output: 7
}

// A program that waits for the library and for something else.
func ExampleQueuedConnectionManager_Notify() {
	p := connected()
	defer p.close()
	typed := make(chan string, 1)
	typed <- "hello"

	for done := false; !done; {
		select {
		case line := <-typed:
			p.clientWriter.Send(queuednet.NewDatagram([]byte(line)), p.opened)
		case <-p.server.Notify():
		}
		for datagram := range p.serverReader.Datagrams() { // and all other queues of the program
			fmt.Println(string(datagram.Message()))
			done = true
		}
	}

	// Output: hello
}

// A frameContext ends a wait when the next frame is due, or its parent is done.
type frameContext struct {
	context.Context
	next time.Time
}

func (c *frameContext) Deadline() (time.Time, bool) { return c.next, true }

// A loop that takes what arrives at once, and has frames besides: one context, whose
// deadline it moves, so that nothing is allocated for a frame.
func ExampleQueuedConnectionManager_WaitForReaders() {
	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()
	reader := queuednet.NewQueuedConnectionReader(manager)

	frame := &frameContext{context.Background(), time.Now()}
	for number := range 3 {
		frame.next = frame.next.Add(time.Second / 60)
		for manager.WaitForReaders(frame) == nil {
			for datagram := range reader.Datagrams() {
				fmt.Println(datagram.Length(), "bytes from", datagram.Address())
			}
			for conn := range manager.ResetConnections() {
				fmt.Println(conn.Address(), "has left:", conn.Err())
			}
		}
		fmt.Println("frame", number)
	}
	// Output:
	// frame 0
	// frame 1
	// frame 2
}
