// Package testend has what tests of programs on this library share: an end,
// which is a manager with what polls it, and kinds of sockets to connect it by.
// It is for the tests of this repository's modules only.
package testend

import (
	"context"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
)

// Patience bounds each wait for something that is to happen.
const Patience = time.Minute

// An End is a manager with what polls it: one end of a wire.
type End struct {
	T        testing.TB
	Manager  *queuednet.QueuedConnectionManager
	Listener *queuednet.QueuedConnectionListener
	Reader   *queuednet.QueuedConnectionReader
	Writer   *queuednet.ConnectionWriter
}

// New returns an end that is closed with the test.
func New(t testing.TB, config *queuednet.Config) *End {
	manager := queuednet.NewQueuedConnectionManager(config)
	t.Cleanup(func() { manager.Close() })
	return &End{
		T:        t,
		Manager:  manager,
		Listener: queuednet.NewQueuedConnectionListener(manager),
		Reader:   queuednet.NewQueuedConnectionReader(manager),
		Writer:   queuednet.NewConnectionWriter(manager),
	}
}

// Until calls done whenever something is queued, until it is true.
func (e *End) Until(what string, done func() bool) {
	e.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	for !done() {
		err := e.Manager.WaitForReaders(ctx)
		if err == nil {
			err = ctx.Err() // something else may be queued all the time
		}
		if err != nil {
			e.T.Fatalf("no %s: %v", what, err)
		}
		runtime.Gosched()
	}
}

// Accept waits for the next connection, which is in no reader.
func (e *End) Accept() *queuednet.Connection {
	e.T.Helper()
	var conn *queuednet.Connection
	e.Until("connection", func() (ok bool) {
		conn, ok = e.Listener.GetNewConnection()
		return ok
	})
	return conn
}

// Add adds a connection to the reader, which must succeed.
func (e *End) Add(conn *queuednet.Connection) {
	e.T.Helper()
	if err := e.Reader.AddConnection(conn); err != nil {
		e.T.Fatalf("AddConnection: %v", err)
	}
}

// Next waits for the next datagram and returns its payload.
func (e *End) Next() string {
	e.T.Helper()
	var datagram queuednet.NetDatagram
	e.Until("datagram", func() bool { return e.Reader.GetData(&datagram) })
	return string(datagram.Message())
}

// Reset waits for the end of conn to be reported. It drops the datagrams before
// it and returns how many there were.
func (e *End) Reset(conn *queuednet.Connection) (datagrams int) {
	e.T.Helper()
	e.Until("report of the end", func() bool {
		for range e.Reader.Datagrams() {
			datagrams++
		}
		ended, ok := e.Manager.GetResetConnection()
		if ok && ended != conn {
			e.T.Fatalf("another connection ended: %v", ended.Err())
		}
		return ok
	})
	return datagrams
}

// Send sends text, which must succeed.
func (e *End) Send(conn *queuednet.Connection, text string) {
	e.T.Helper()
	if err := e.Writer.Send(queuednet.NewDatagram([]byte(text)), conn); err != nil {
		e.T.Fatalf("Send: %v", err)
	}
}

// Frames returns datagrams with their headers of 2 bytes, as they are on the wire.
func Frames(texts ...string) string {
	var b []byte
	for _, text := range texts {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
		b = append(b, text...)
	}
	return string(b)
}

// Within fails the test if f does not return.
func Within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	Await(t, what, done)
}

// Await waits for done to be closed.
func Await(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(Patience):
		t.Fatalf("waited in vain: %s", what)
	}
}

// Eventually waits for what no channel tells.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
