package queuednet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
)

// A writer sends to connections of its manager. What Send accepts is on its way when
// the call returns; the datagram can be used again.
func ExampleConnectionWriter() {
	p := connected()
	defer p.close()
	writer := queuednet.NewConnectionWriter(p.server)

	var welcome queuednet.Datagram
	welcome.AddString("welcome")
	if err := writer.Send(&welcome, p.accepted); err != nil {
		fmt.Println("it has left:", err)
	}

	p.client.WaitForReaders(context.Background())
	for datagram := range p.clientReader.Datagrams() {
		it := datagram.Iterator()
		fmt.Println(it.GetString())
	}

	// Output: welcome
}

// Of several datagrams that wait, a RecentConnectionReader has the last one: telemetry
// is out of date as soon as newer telemetry is there.
func ExampleRecentConnectionReader() {
	p := connected()
	defer p.close()
	p.serverReader.RemoveConnection(p.accepted)
	newest := queuednet.NewRecentConnectionReader(p.server)
	newest.AddConnection(p.accepted)
	for degrees := range uint8(100) {
		p.clientWriter.Send(queuednet.NewDatagram([]byte{degrees}), p.opened)
	}

	for last := uint8(0); last != 99; {
		p.server.WaitForReaders(context.Background())
		for datagram := range newest.Datagrams() {
			it := datagram.Iterator()
			last = it.GetUint8()
		}
	}
	fmt.Println("the last value has arrived, however many were left out")

	// Output: the last value has arrived, however many were left out
}

// What a player list shows of a connection.
func ExampleConnectionStats() {
	p := connected()
	defer p.close()
	p.clientWriter.Send(queuednet.NewDatagram([]byte("move")), p.opened)
	p.server.WaitForReaders(context.Background())

	var stats queuednet.ConnectionStats = p.accepted.Stats()
	fmt.Println("received:", stats.Received.Datagrams, "datagram of", stats.Received.Bytes, "bytes, with its header")
	fmt.Println("waits to be taken:", stats.ReceiveQueueBytes > 0)
	fmt.Println("waits to be sent:", stats.SendQueueBytes)
	fmt.Println("is held back:", stats.HeldBack)

	// Output:
	// received: 1 datagram of 6 bytes, with its header
	// waits to be taken: true
	// waits to be sent: 0
	// is held back: false
}

// How many players there are.
func ExampleManagerStats() {
	p := connected()
	defer p.close()
	p.join()

	var stats queuednet.ManagerStats = p.server.Stats()
	fmt.Println(stats.Opened, "have come,", stats.Open, "are here,", stats.Untaken, "wait in a listener")

	// Output: 2 have come, 2 are here, 0 wait in a listener
}

// The rate of a counter is what it has grown by.
func ExampleTraffic() {
	p := connected()
	defer p.close()
	before := p.client.Stats().Sent
	for range 10 {
		p.clientWriter.Send(queuednet.NewDatagram(make([]byte, 98)), p.opened)
	}
	for p.client.Stats().Sent.Bytes < before.Bytes+1000 {
		time.Sleep(time.Millisecond) // a display looks once a second
	}
	after := p.client.Stats().Sent
	fmt.Println(after.Bytes-before.Bytes, "bytes in", after.Datagrams-before.Datagrams, "datagrams")

	// Output: 1000 bytes in 10 datagrams
}

// A histogram of the drains: how many took at most so long.
func ExampleDrainStats() {
	p := connected()
	defer p.close()
	p.clientWriter.Send(queuednet.NewDatagram([]byte("move")), p.opened)
	p.server.WaitForReaders(context.Background())
	for range p.serverReader.Datagrams() {
	}

	drains := p.server.Stats().Drains
	sum := uint64(0)
	for i, bound := range queuednet.DrainBounds() {
		sum += drains.Times[i]
		_ = fmt.Sprintf("%d took at most %v", sum, bound)
	}
	sum += drains.Times[len(queuednet.DrainBounds())] // and the rest took longer
	fmt.Println(drains.Count, "drain took", drains.Datagrams, "datagram; in the histogram:", sum)

	// Output: 1 drain took 1 datagram; in the histogram: 1
}

// Why connections have ended, for those who operate the server.
func ExampleEnds() {
	p := connected()
	defer p.close()
	p.client.CloseConnection(p.opened)
	p.server.WaitForReaders(context.Background())

	ends := p.server.Stats().Ends
	fmt.Println("closed by the peer:", ends.ByPeer, "by the program:", ends.Closed, "idle:", ends.Idle)

	// Output: closed by the peer: 1 by the program: 0 idle: 0
}

// A server that is full refuses, and counts whom.
func ExampleRefusals() {
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{MaxConnections: 1})
	defer manager.Close()
	rendezvous, err := manager.OpenTCPServerRendezvous(0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	listener := queuednet.NewQueuedConnectionListener(manager)
	listener.AddConnection(rendezvous)
	for range 2 {
		player, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", rendezvous.LocalAddress().Port()))
		if err == nil {
			defer player.Close()
		}
	}
	var refused queuednet.Refusals
	for refused.Connections == 0 {
		refused = manager.Refusals()
		time.Sleep(time.Millisecond) // a server just goes on
	}
	fmt.Println("refused because the server is full:", refused.Connections)

	// Output: refused because the server is full: 1
}

// A packet that is not of the wire format is dropped, and counted.
func ExampleUDPDrops() {
	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()
	udp, err := manager.OpenUDPConnection(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	reader := queuednet.NewQueuedConnectionReader(manager)
	reader.AddConnection(udp)
	stranger, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", udp.LocalAddress().Port()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stranger.Close()

	stranger.Write([]byte("no sum")) // its first two bytes are not the sum of the others
	for udp.UDPDrops().Broken == 0 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("broken:", udp.UDPDrops().Broken, "taken:", reader.DataAvailable())

	// Output: broken: 1 taken: false
}

// Where this machine can be reached, to be told to the other players on the LAN.
func ExampleInterface() {
	interfaces, err := queuednet.Interfaces()
	if err != nil {
		fmt.Println(err)
		return
	}
	loopback := slices.ContainsFunc(interfaces, func(on queuednet.Interface) bool {
		return on.Operational && !on.IPv6 && on.IP.IPString() == "127.0.0.1"
	})
	fmt.Println("there is 127.0.0.1:", loopback)

	// Output: there is 127.0.0.1: true
}

// An address as a flag or a configuration has it.
func ExampleSplitHostPort() {
	host, port, err := queuednet.SplitHostPort("play.example.com:4000")
	fmt.Println(host, port, err)

	_, _, err = queuednet.SplitHostPort("play.example.com")
	_, isAddress := errors.AsType[*net.AddrError](err)
	fmt.Println(isAddress)

	// Output:
	// play.example.com 4000 <nil>
	// true
}

// A player that deserves no last message, and one who gets one.
func ExampleConnection_Abort() {
	p := connected()
	defer p.close()
	cheater, cheating := p.join()

	cheater.Abort()
	p.serverWriter.Send(queuednet.NewDatagram([]byte("the server goes down")), p.accepted)
	p.accepted.Close()

	for ends := 0; ends < 2; {
		p.client.WaitForReaders(context.Background())
		for datagram := range p.clientReader.Datagrams() {
			fmt.Println("last message:", string(datagram.Message()))
		}
		for conn := range p.client.ResetConnections() {
			if ends++; conn == cheating {
				continue // its Err is a reset of the system
			}
			fmt.Println("then:", conn.Err())
		}
	}

	// Output:
	// last message: the server goes down
	// then: EOF
}
