package queuednet_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/queuednet/queuednet"
)

// A server on the open internet: what a player does is far within these limits.
func ExampleConfig_limits() {
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{
		MaxConnections:           2000,
		MaxConnectionsPerAddress: 2, // 20 would be kinder to a school
		MaxAcceptsPerSecond:      10,
		FirstDatagramTimeout:     5 * time.Second,
		IdleTimeout:              time.Minute,
		MaxDatagramsPerSecond:    200,
		MaxBytesPerSecond:        50_000,
		Logger:                   slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	defer manager.Close()
	listener := queuednet.NewQueuedConnectionListener(manager)
	rendezvous, err := manager.OpenTCPServerRendezvous(0, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	listener.AddConnection(rendezvous)

	// Three come from one address.
	for range 3 {
		peer, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", rendezvous.LocalAddress().Port()))
		if err == nil { // the third is perhaps turned away before it has connected
			defer peer.Close()
		}
	}
	for taken := 0; taken < 2; {
		manager.WaitForReaders(context.Background())
		for range listener.NewConnections() {
			taken++
		}
	}
	for manager.Refusals().PerAddress == 0 {
		time.Sleep(time.Millisecond) // a server just goes on
	}
	fmt.Printf("%+v\n", manager.Refusals())

	// Output: {Connections:0 PerAddress:1 AcceptRate:0 AcceptErrors:0 FirstDatagram:0 Idle:0 Flooding:0 Slowed:0}
}
