package queuednet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/queuednet/queuednet"
)

// A server and a client in one program. Either has a loop like this one; a game
// draws and moves its world in it, instead of waiting.
func ExampleQueuedConnectionManager() {
	serverManager := queuednet.NewQueuedConnectionManager(nil)
	defer serverManager.Close()
	listener := queuednet.NewQueuedConnectionListener(serverManager)
	serverReader := queuednet.NewQueuedConnectionReader(serverManager)
	serverWriter := queuednet.NewConnectionWriter(serverManager)
	rendezvous, err := serverManager.OpenTCPServerRendezvous(0, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	listener.AddConnection(rendezvous)
	players := make(map[*queuednet.Connection]string)

	serverFrame := func() {
		for conn := range listener.NewConnections() {
			players[conn] = "somebody"
			serverReader.AddConnection(conn)
		}
		for datagram := range serverReader.Datagrams() {
			it := datagram.Iterator()
			players[datagram.Connection()] = it.GetString()
			fmt.Println("server:", players[datagram.Connection()], "has come")

			var welcome queuednet.Datagram
			welcome.AddString("welcome")
			serverWriter.Send(&welcome, datagram.Connection())
		}
		for conn := range serverManager.ResetConnections() {
			fmt.Println("server:", players[conn], "has left:", conn.Err())
			delete(players, conn)
		}
	}

	clientManager := queuednet.NewQueuedConnectionManager(nil)
	defer clientManager.Close()
	clientReader := queuednet.NewQueuedConnectionReader(clientManager)
	clientWriter := queuednet.NewConnectionWriter(clientManager)
	server, err := clientManager.OpenTCPClientConnection("127.0.0.1", rendezvous.LocalAddress().Port(), 10*time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	clientReader.AddConnection(server)
	var hello queuednet.Datagram
	hello.AddString("Ada")
	clientWriter.Send(&hello, server)

	clientFrame := func() {
		for datagram := range clientReader.Datagrams() {
			it := datagram.Iterator()
			fmt.Println("client:", it.GetString())
			clientManager.CloseConnection(server)
		}
	}

	for frame := time.Tick(time.Second / 60); len(players) > 0 || server.Err() == nil; <-frame {
		serverFrame()
		clientFrame()
	}

	// Output:
	// server: Ada has come
	// client: welcome
	// server: Ada has left: EOF
}

// What is not set has its default. A value that is not possible is reported by
// whatever opens something.
func ExampleConfig() {
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{
		TCPHeaderSize: 4,                      // as the other side has it
		MaxSendQueue:  256 << 10,              // a player who is that far behind is lost
		CollectTCP:    true,                   // one segment a frame, with writer.Flush
		CloseTimeout:  500 * time.Millisecond, // do not hold up the end of the program
	})
	defer manager.Close()
	fmt.Println(queuednet.NewQueuedConnectionReader(manager).TCPHeaderSize())

	wrong := queuednet.NewQueuedConnectionManager(&queuednet.Config{MaxSendQueue: -1})
	_, err := wrong.OpenTCPServerRendezvous(0, 0)
	fmt.Println(err)

	// Output:
	// 4
	// queuednet: Config.MaxSendQueue cannot be -1
}

func ExampleConfigError() {
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{TCPHeaderSize: 3})
	_, err := manager.OpenTCPClientConnection("localhost", 4000, time.Second)

	if err, ok := errors.AsType[*queuednet.ConfigError](err); ok {
		fmt.Println(err.Field, err.Value)
	}

	// Output: TCPHeaderSize 3
}

// A pair is a server and a client, connected, for the examples.
type pair struct {
	server, client             *queuednet.QueuedConnectionManager
	serverReader, clientReader *queuednet.QueuedConnectionReader
	serverWriter, clientWriter *queuednet.ConnectionWriter

	accepted, opened *queuednet.Connection
}

func connected() *pair {
	p := &pair{server: queuednet.NewQueuedConnectionManager(nil), client: queuednet.NewQueuedConnectionManager(nil)}
	p.serverReader, p.clientReader = queuednet.NewQueuedConnectionReader(p.server), queuednet.NewQueuedConnectionReader(p.client)
	p.serverWriter, p.clientWriter = queuednet.NewConnectionWriter(p.server), queuednet.NewConnectionWriter(p.client)
	p.accepted, p.opened = p.join()
	return p
}

// join connects one client more.
func (p *pair) join() (accepted, opened *queuednet.Connection) {
	var local queuednet.NetAddress
	local.SetLocalhost(0)
	listener := queuednet.NewQueuedConnectionListener(p.server)
	rendezvous, err := p.server.OpenTCPServerRendezvousAt(local, 1)
	if err == nil {
		listener.AddConnection(rendezvous)
		opened, err = p.client.OpenTCPClientConnection("127.0.0.1", rendezvous.LocalAddress().Port(), 10*time.Second)
	}
	if err != nil {
		panic(err)
	}
	for ok := false; !ok; accepted, ok = listener.GetNewConnection() {
		p.server.WaitForReaders(context.Background())
	}
	p.server.CloseConnection(rendezvous)
	p.serverReader.AddConnection(accepted)
	p.clientReader.AddConnection(opened)
	return accepted, opened
}

func (p *pair) close() {
	p.client.CloseConnection(p.opened)
	p.client.Close()
	p.server.Close()
}

// The pointer is what a connection is known by, for example to a map. What it
// has told about itself stays known after its end.
func ExampleConnection() {
	p := connected()
	defer p.close()
	names := map[*queuednet.Connection]string{p.accepted: "Ada"}
	address := p.accepted.Address()

	p.client.CloseConnection(p.opened)
	p.server.WaitForReaders(context.Background())
	for conn := range p.server.ResetConnections() {
		fmt.Println(names[conn], conn.Err(), conn.Err() == io.EOF, conn.Address() == address)
	}
	err := p.serverWriter.Send(queuednet.NewDatagram([]byte("hello?")), p.accepted)
	fmt.Println(err)
	fmt.Println(p.server.CloseConnection(p.accepted), "- it is closed already")

	// Output:
	// Ada EOF true true
	// EOF
	// false - it is closed already
}

// With collecting, what is sent during a frame leaves in one piece.
func ExampleConnection_SetCollectTCP() {
	p := connected()
	defer p.close()
	p.opened.SetCollectTCP(true)
	p.opened.SetCollectTCPInterval(time.Hour) // it would leave by itself then
	p.opened.Flush()
	for _, word := range []string{"one", "two", "three"} {
		p.clientWriter.Send(queuednet.NewDatagram([]byte(word)), p.opened)
	}
	p.clientWriter.Flush()

	p.server.WaitForReaders(context.Background())
	for datagram := range p.serverReader.Datagrams() {
		fmt.Println(string(datagram.Message()))
	}

	// Output:
	// one
	// two
	// three
}

func ExampleQueuedConnectionListener() {
	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()
	listener := queuednet.NewQueuedConnectionListener(manager)
	var local queuednet.NetAddress
	local.SetLocalhost(0)
	rendezvous, err := manager.OpenTCPServerRendezvousAt(local, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := listener.AddConnection(rendezvous); err != nil {
		fmt.Println(err)
		return
	}

	client := queuednet.NewQueuedConnectionManager(nil)
	defer client.Close()
	opened, err := client.OpenTCPClientConnection("127.0.0.1", rendezvous.LocalAddress().Port(), 10*time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}

	manager.WaitForReaders(context.Background()) // a game would look once a frame
	for conn := range listener.NewConnections() {
		fmt.Println(conn.Rendezvous() == rendezvous, conn.Address() == opened.LocalAddress())
		manager.CloseConnection(conn)
	}
	client.CloseConnection(opened)

	// Output: true true
}

// The fast drain. What it yields is valid until the next step.
func ExampleQueuedConnectionReader() {
	p := connected()
	defer p.close()
	for _, word := range []string{"left", "left", "jump", "right"} {
		p.clientWriter.Send(queuednet.NewDatagram([]byte(word)), p.opened)
	}

	var jump *queuednet.NetDatagram
	for taken := 0; taken < 4; {
		p.server.WaitForReaders(context.Background())
		for datagram := range p.serverReader.Datagrams() {
			taken++
			fmt.Println(string(datagram.Message()), datagram.Connection() == p.accepted)
			if string(datagram.Message()) == "jump" {
				jump = datagram.Clone() // keeps it
			}
		}
	}
	fmt.Println(string(jump.Message()), "was kept")

	// Output:
	// left true
	// left true
	// jump true
	// right true
	// jump was kept
}

// The drain as with Panda3D. Each datagram is copied into the program's own.
func ExampleQueuedConnectionReader_GetData() {
	p := connected()
	defer p.close()
	for _, word := range []string{"left", "jump", "right"} {
		p.clientWriter.Send(queuednet.NewDatagram([]byte(word)), p.opened)
	}

	var datagram queuednet.NetDatagram
	for taken := 0; taken < 3; {
		p.server.WaitForReaders(context.Background())
		for p.serverReader.DataAvailable() {
			if p.serverReader.GetData(&datagram) {
				taken++
				fmt.Println(string(datagram.Message()))
			}
		}
	}

	// Output:
	// left
	// jump
	// right
}

// A player goes from the lobby to a game. What it sends meanwhile is not lost.
func ExampleQueuedConnectionReader_RemoveConnection() {
	p := connected()
	defer p.close()
	lobby, game := p.serverReader, queuednet.NewQueuedConnectionReader(p.server)
	lobby.RemoveConnection(p.accepted)
	p.clientWriter.Send(queuednet.NewDatagram([]byte("ready")), p.opened)
	game.AddConnection(p.accepted)

	p.server.WaitForReaders(context.Background())
	fmt.Println("lobby:", lobby.DataAvailable())
	for datagram := range game.Datagrams() {
		fmt.Println("game:", string(datagram.Message()))
	}

	// Output:
	// lobby: false
	// game: ready
}

// What is sent is copied: one datagram does for all messages.
func ExampleConnectionWriter_Send() {
	p := connected()
	defer p.close()
	var dg queuednet.Datagram
	for i, name := range []string{"Ada", "Grace"} {
		dg.Clear()
		dg.AddUint8(uint8(i))
		dg.AddString(name)
		if err := p.serverWriter.Send(&dg, p.accepted); err != nil {
			fmt.Println(err)
		}
	}

	for taken := 0; taken < 2; {
		p.client.WaitForReaders(context.Background())
		for datagram := range p.clientReader.Datagrams() {
			it := datagram.Iterator()
			fmt.Println(it.GetUint8(), it.GetString(), it.Err())
			taken++
		}
	}

	// Output:
	// 0 Ada <nil>
	// 1 Grace <nil>
}

// One that fails does not keep the others from their message.
func ExampleConnectionWriter_Broadcast() {
	p := connected()
	defer p.close()
	left, _ := p.join()
	p.server.CloseConnection(left)
	players := map[*queuednet.Connection]string{p.accepted: "Ada", left: "Grace"}

	state := queuednet.NewDatagram([]byte("state of the world"))
	if err := p.serverWriter.Broadcast(state, maps.Keys(players)); err != nil {
		fmt.Println("not to all:", err.Error() == left.Address().String()+": "+left.Err().Error())
	}
	p.client.WaitForReaders(context.Background())
	for taken := 0; taken < 1; {
		for datagram := range p.clientReader.Datagrams() {
			fmt.Println(string(datagram.Message()), datagram.Connection() == p.opened)
			taken++
		}
	}

	// Output:
	// not to all: true
	// state of the world true
}

// Opening a connection takes its time, in the background: look once a frame.
func ExamplePendingConnection() {
	server := queuednet.NewQueuedConnectionManager(nil)
	defer server.Close()
	rendezvous, err := server.OpenTCPServerRendezvous(0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	client := queuednet.NewQueuedConnectionManager(&queuednet.Config{CloseTimeout: -1})
	defer client.Close()

	pending := client.BeginTCPClientConnection("127.0.0.1", rendezvous.LocalAddress().Port(), 5*time.Second)
	for frame := time.Tick(time.Second / 60); !pending.Ready(); <-frame {
		// Draw "connecting …"; a key that gives it up would call pending.Cancel.
	}
	conn, err := pending.Result()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(conn.Address().IPString(), conn.Err())

	// Output: 127.0.0.1 <nil>
}
