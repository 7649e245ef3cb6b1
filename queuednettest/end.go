package queuednettest

import (
	"context"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/simulate"
)

// patience bounds each wait of this package for something that is to happen: in
// a bubble of testing/synctest it is virtual time.
const patience = 10 * time.Second

// An End is a manager with the queues that a program polls: the server or the
// client of a test. Queues that are not used cost nothing.
//
// Its methods are for the goroutine of the test. If they wait in vain, for 10
// seconds, they end the test.
type End struct {
	Manager  *queuednet.QueuedConnectionManager
	Listener *queuednet.QueuedConnectionListener
	Reader   *queuednet.QueuedConnectionReader
	Writer   *queuednet.ConnectionWriter

	// Conn is the connection to the other end, which is in Reader; of UDPPair it
	// is this end's UDP socket. Nil after NewEnd.
	Conn *queuednet.Connection

	// Socket is what the server of Pair listens at: Socket.Join is one more
	// client. Nil for any other end.
	Socket *Listener

	t testing.TB
}

// NewEnd returns an end without connections, whose manager is closed with the
// test. The config is that of the manager, with PoisonViews on; nil stands for
// the defaults.
func NewEnd(t testing.TB, config *queuednet.Config) *End {
	var poisoned queuednet.Config
	if config != nil {
		poisoned = *config
	}
	poisoned.PoisonViews = true
	manager := queuednet.NewQueuedConnectionManager(&poisoned)
	t.Cleanup(func() { manager.Close() })
	return &End{
		Manager:  manager,
		Listener: queuednet.NewQueuedConnectionListener(manager),
		Reader:   queuednet.NewQueuedConnectionReader(manager),
		Writer:   queuednet.NewConnectionWriter(manager),
		t:        t,
	}
}

// Options are the settings of Pair and UDPPair. The zero value of each field,
// and nil Options, mean the default.
type Options struct {
	// Server and Client are the settings of the two managers. Default: those of
	// queuednet. PoisonViews is on in any case.
	Server, Client *queuednet.Config

	// Network is what everything that arrives at either end goes through.
	// Default: it arrives at once.
	Network *simulate.Network
}

// Pair returns a server and a client that are connected in memory. Both have
// the connection in their Conn and in their Reader. For more clients call Join
// of the server's Socket, and Accept of the server.
func Pair(t testing.TB, options *Options) (server, client *End) {
	t.Helper()
	if options == nil {
		options = new(Options)
	}
	listener := NewListener(t, options.Network)
	server = NewEnd(t, options.Server)
	rendezvous, err := server.Manager.AdoptRendezvous(listener)
	if err == nil {
		err = server.Listener.AddConnection(rendezvous)
	}
	if err != nil {
		t.Fatal("queuednettest: listening: ", err)
	}
	server.Socket = listener
	client = listener.Join(options.Client)
	server.Conn = server.Accept()
	return server, client
}

// Accept BLOCKS until a connection has arrived at the Listener of the end, adds
// it to the Reader and returns it.
func (e *End) Accept() (conn *queuednet.Connection) {
	e.t.Helper()
	e.await("connection", func() (ok bool) {
		conn, ok = e.Listener.GetNewConnection()
		return ok
	})
	if err := e.Reader.AddConnection(conn); err != nil {
		e.t.Fatal("queuednettest: AddConnection: ", err)
	}
	return conn
}

// Next BLOCKS until a datagram has arrived in the Reader, and returns it. The
// datagram belongs to the caller.
func (e *End) Next() *queuednet.NetDatagram {
	e.t.Helper()
	datagram := new(queuednet.NetDatagram)
	e.await("datagram", func() bool { return e.Reader.GetData(datagram) })
	return datagram
}

// Ended BLOCKS until the end of a connection is reported, and returns that
// connection: its Err says why. An end is reported after the last datagram, so
// Ended drops the datagrams that are in the Reader meanwhile: take those that
// matter with Next before.
func (e *End) Ended() (conn *queuednet.Connection) {
	e.t.Helper()
	e.await("end of a connection", func() (ok bool) {
		for range e.Reader.Datagrams() {
		}
		conn, ok = e.Manager.GetResetConnection()
		return ok
	})
	return conn
}

// await calls done whenever something is queued, until it is true.
func (e *End) await(what string, done func() bool) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !done() {
		err := e.Manager.WaitForReaders(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			e.t.Fatalf("queuednettest: no %s: %v", what, err)
		}
		if done() {
			return
		}
		// Something else is queued, which the test does not take now, so that
		// WaitForReaders does not wait. In a bubble time would stand still.
		time.Sleep(time.Millisecond)
	}
}
