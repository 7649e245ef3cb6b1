// Package peer has the libraries that are compared, each behind a Server: what
// a program with a loop of its own needs of a network. An adaptor is written as
// well as its library allows, and counts as part of the library.
package peer

import (
	"context"
	"fmt"
	"net"
)

// A Conn is a connection as the peer's adaptor likes to be given it.
type Conn any

// A Server is one peer. All methods are called by the loop, on one goroutine.
type Server interface {
	// Listen begins to accept on a port of 127.0.0.1. One connection may have
	// queueBytes queued without being slowed, at least.
	Listen(queueBytes int) (address string, err error)
	// Accept takes the connections that have come, and begins to read them.
	Accept(func(Conn))
	// Available is the idle poll: it reports whether Receive would find
	// something.
	Available() bool
	// Receive takes all datagrams that have come.
	Receive(*Consumer)
	// Wait waits until there is something to accept or to receive.
	Wait(context.Context) error
	// Send sends a copy of the payload.
	Send(Conn, []byte)
	// Broadcast sends a copy of the payload to each.
	Broadcast([]byte, []Conn)
	// Close ends it; the process ends soon after.
	Close()
}

// An Entry is a peer that can be chosen.
type Entry struct {
	Name      string
	New       func() Server
	WebSocket bool   // it speaks WebSocket, the others speak lengths of 2 bytes
	Settings  string // which settings it got, a sentence
}

// All lists the peers in the order of the tables.
var All = []Entry{
	{Name: "queuednet", New: newQueuednet, Settings: "The defaults; Broadcast and Send of ConnectionWriter, Datagrams of QueuedConnectionReader."},
	{Name: "gnet", New: newGnet, Settings: "Multicore, reading buffers of 64 KiB; events are copied into blocks under a lock and taken together; what the loop sends goes to each event loop with one Execute for all that has gathered."},
	{Name: "nbio", New: newNbio, Settings: "A poller a core, level-triggered, reading buffers of 64 KiB; the same queue; what the loop sends is written by two goroutines."},
	{Name: "plain", New: newPlain, Settings: "A goroutine a connection with a bufio.Reader of 4 KiB and a channel send a datagram; a goroutine a connection writes what comes over a channel, a broadcast is framed once."},
	{Name: "batched", New: newBatched, Settings: "A goroutine a connection that waits without a buffer and reads into pooled 64 KiB, long runs handed over whole, short ones copied into blocks; what the loop sends is written by two goroutines, what the system does not take by one of the connection's."},
	{Name: "coder/websocket", New: newCoder, WebSocket: true, Settings: "No compression; messages are copied into the same queue; what the loop sends is written by two goroutines."},
	{Name: "gorilla/websocket", New: newGorilla, WebSocket: true, Settings: "No compression, pooled writing buffers; messages are copied into the same queue; what the loop sends is written by two goroutines."},
}

// Find returns the peer of a name.
func Find(name string) (Entry, error) {
	for _, entry := range All {
		if entry.Name == name {
			return entry, nil
		}
	}
	return Entry{}, fmt.Errorf("no peer is called %q", name)
}

// freePort returns an address that nothing listens on, for a library that
// cannot tell which port it got.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
