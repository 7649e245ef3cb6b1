package simulate_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/simulate"
)

// A client that hears its server as if from another continent.
func Example() {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := queuednet.NewQueuedConnectionManager(nil)
	defer server.Close()
	listener := queuednet.NewQueuedConnectionListener(server)
	rendezvous, err := server.AdoptRendezvous(socket)
	if err == nil {
		err = listener.AddConnection(rendezvous)
	}
	if err != nil {
		fmt.Println(err)
		return
	}

	client := queuednet.NewQueuedConnectionManager(nil)
	defer client.Close()
	reader := queuednet.NewQueuedConnectionReader(client)
	network := simulate.NewNetwork(1) // the same seed, the same delays
	network.StartDelay(80*time.Millisecond, 120*time.Millisecond)
	dialled, err := net.Dial("tcp", socket.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := client.AdoptConnection(network.Conn(dialled)) // what it sends is not delayed
	if err == nil {
		err = reader.AddConnection(conn)
	}
	if err != nil {
		fmt.Println(err)
		return
	}

	// The server greets everybody.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.WaitForReaders(ctx); err != nil {
		fmt.Println(err)
		return
	}
	writer := queuednet.NewConnectionWriter(server)
	start := time.Now()
	for player := range listener.NewConnections() {
		fmt.Println("greeted:", writer.Send(queuednet.NewDatagram([]byte("welcome")), player) == nil)
	}

	// The client's loop goes on meanwhile.
	for frame := time.NewTicker(time.Second / 60); ; <-frame.C {
		for datagram := range reader.Datagrams() {
			fmt.Printf("%s, 80 ms late or more: %v\n", datagram.Message(), time.Since(start) >= 80*time.Millisecond)
			return
		}
		if ctx.Err() != nil {
			fmt.Println(ctx.Err())
			return
		}
	}
	// Output:
	// greeted: true
	// welcome, 80 ms late or more: true
}
