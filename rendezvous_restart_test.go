package queuednet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// takeOver makes a second end accept at the socket of a rendezvous.
func takeOver(t *testing.T, rendezvous *Connection, to *end) *Connection {
	t.Helper()
	file, err := rendezvous.ListenerFile()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	require.NoError(t, err)
	defer file.Close()
	listener, err := net.FileListener(file)
	require.NoError(t, err)
	file.Fd() // as os/exec asks for it
	adopted, _ := to.adoptListener(listener)
	return adopted
}

// echo serves an end until ctx is done: a frame loop.
func (e *end) echo(ctx context.Context, accepted *atomic.Int32) {
	for e.manager.WaitForReaders(ctx) == nil {
		for conn := range e.listener.NewConnections() {
			accepted.Add(1)
			_ = e.reader.AddConnection(conn)
		}
		for datagram := range e.reader.Datagrams() {
			_ = e.writer.Send(&datagram.Datagram, datagram.Connection())
		}
		for range e.manager.ResetConnections() {
		}
	}
}

// While clients come all the time one manager takes over from another: none is
// lost, and none is held by the old one.
func TestHotRestart(t *testing.T) {
	before, after := newEnd(t, nil), newEnd(t, nil)
	rendezvous, address := before.listen()
	if file, err := rendezvous.ListenerFile(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err) // before there are clients
	} else if err == nil {
		file.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	var loops, clients sync.WaitGroup
	var byBefore, byAfter, done atomic.Int32
	loops.Go(func() { before.echo(ctx, &byBefore) })
	const workers, each = 8, 250
	for range workers {
		clients.Go(func() {
			for range each {
				if err := askOnce(address); err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	eventually(t, "clients", func() bool { return done.Load() >= workers*each/4 || t.Failed() })
	takeOver(t, rendezvous, after)
	loops.Go(func() { after.echo(ctx, &byAfter) })
	eventually(t, "clients", func() bool { return done.Load() >= workers*each/2 || t.Failed() })
	require.True(t, before.listener.RemoveConnection(rendezvous))
	eventually(t, "empty queue", func() bool { return before.listener.queue.size.Load() == 0 })
	last := byBefore.Load()
	clients.Wait()
	assert.InDelta(t, last, byBefore.Load(), workers, "those that the loop was just taking")
	assert.EqualValues(t, workers*each, byBefore.Load()+byAfter.Load())
	require.True(t, before.manager.CloseConnection(rendezvous))
	require.NoError(t, askOnce(address), "the socket stays open")
	cancel()
	loops.Wait()
}

// askOnce connects, asks and waits for the answer.
func askOnce(address string) error {
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer socket.Close()
	socket.SetDeadline(time.Now().Add(patience))
	if _, err = io.WriteString(socket, framed(2, "hello")); err != nil {
		return err
	}
	_, err = io.ReadFull(socket, make([]byte, 7))
	return err
}

// Whatever the moment, what is accepted after RemoveConnection has returned is
// accepted by nobody.
func TestRemoveConnectionWakesTheAccept(t *testing.T) {
	for name, listen := range map[string]func(t *testing.T, e *end) (rendezvous *Connection, address string){
		"opened": func(_ *testing.T, e *end) (*Connection, string) { return e.listen() },
		"tcp4": func(t *testing.T, e *end) (*Connection, string) {
			return e.adoptListener(listenRaw(t, "tcp4", "127.0.0.1:0"))
		},
		"unix": func(t *testing.T, e *end) (*Connection, string) { return e.adoptListener(listenUnix(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, nil)
			network := "tcp"
			if name == "unix" {
				network = name
			}
			rendezvous, at := listen(t, e)
			for i := range 200 {
				if i%2 == 0 {
					runtime.Gosched() // Accept is under way, or about to be
				}
				require.True(t, e.listener.RemoveConnection(rendezvous))
				assert.False(t, e.listener.RemoveConnection(rendezvous))
				raw, err := net.Dial(network, at)
				require.NoError(t, err)
				require.NoError(t, rendezvous.Err())
				require.False(t, e.listener.NewConnectionAvailable())
				require.NoError(t, e.listener.AddConnection(rendezvous))
				e.accepted()
				require.NoError(t, raw.Close())
			}
			assert.Equal(t, Refusals{}, e.manager.Refusals(), "a wake is no error")
		})
	}
}

// Whoever shares an adopted socket may make it a blocking one, as File of package net and
// os/exec do: that holds up neither RemoveConnection nor a close.
func TestRendezvousOfABlockingSocket(t *testing.T) {
	needSharing(t)
	for name, listen := range map[string]func(t *testing.T) sharedListener{
		"tcp":  func(t *testing.T) sharedListener { return listenRaw(t, "tcp4", "127.0.0.1:0").(sharedListener) },
		"unix": func(t *testing.T) sharedListener { return listenUnix(t).(sharedListener) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, nil)
			socket := listen(t)
			rendezvous, _ := e.adoptListener(socket)
			makeBlocking(t, socket)
			accept := func() {
				raw, err := net.Dial(socket.Addr().Network(), socket.Addr().String())
				require.NoError(t, err)
				defer raw.Close()
				e.accept()
			}
			accept() // the next Accept begins with a socket that blocks
			accept()
			require.True(t, e.listener.RemoveConnection(rendezvous))
			r := rendezvous.listening
			r.gate.lock()
			assert.Nil(t, r.accepting, "an Accept that is not over")
			r.unlock()
			require.NoError(t, e.listener.AddConnection(rendezvous))
			accept()
			requireReturns(t, rendezvous.Close)
		})
	}
}

// An Accept that waits in the system for a client all the same ends later: nothing that
// is closed waits for it.
func TestRendezvousWithAStuckAccept(t *testing.T) {
	needSharing(t)
	socket := listenRaw(t, "tcp4", "127.0.0.1:0").(sharedListener)
	address := socket.Addr().String()
	e := newEnd(t, &Config{CloseTimeout: 100 * time.Millisecond})
	rendezvous, _ := e.adoptListener(socket)
	require.True(t, e.listener.RemoveConnection(rendezvous)) // no Accept is under way
	makeBlocking(t, socket)
	var accepts sync.WaitGroup
	accepts.Go(func() {
		if conn, err := socket.Accept(); err == nil {
			conn.Close()
		}
	})
	defer func() { // package net closes the socket when the Accept is over
		if raw, err := net.Dial("tcp", address); err == nil {
			raw.Close()
		}
		accepts.Wait()
	}()
	time.Sleep(10 * time.Millisecond) // it waits in the system; if it does not yet, all is well too
	requireReturns(t, rendezvous.Close)
	requireReturns(t, e.manager.Close)
}

// requireReturns calls a close, which must not wait for ever.
func requireReturns(t *testing.T, close func() error) {
	t.Helper()
	returned := make(chan error, 1)
	go func() { returned <- close() }()
	select {
	case err := <-returned:
		require.NoError(t, err)
	case <-time.After(patience):
		require.FailNow(t, "it does not return")
	}
}

// A sharedListener is a socket of package net that another process may have too.
type sharedListener interface {
	net.Listener
	File() (*os.File, error)
}

// needSharing skips a test on systems that do not share sockets as files.
func needSharing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a socket is no file here")
	}
}

// makeBlocking makes a socket one that blocks.
func makeBlocking(t *testing.T, socket sharedListener) {
	t.Helper()
	file, err := socket.File()
	require.NoError(t, err)
	file.Fd()
	require.NoError(t, file.Close())
}

func TestListenerFile(t *testing.T) {
	t.Run("unix", func(t *testing.T) {
		before, after := newEnd(t, nil), newEnd(t, nil)
		socket := listenUnix(t)
		path := socket.Addr().String()
		rendezvous, _ := before.adoptListener(socket)
		takeOver(t, rendezvous, after)
		require.NoError(t, before.manager.Close())
		client, err := net.Dial("unix", path)
		require.NoError(t, err, "the path stays")
		defer client.Close()
		after.accept()
	})
	t.Run("unsupported", func(t *testing.T) {
		e := newEnd(t, nil)
		stream, _ := e.pipe()
		tls, _ := e.listenTLS()
		for _, conn := range []*Connection{stream, tls, e.udp("127.0.0.1:0")} {
			_, err := conn.ListenerFile()
			assert.ErrorIs(t, err, errors.ErrUnsupported)
		}
	})
	t.Run("closed", func(t *testing.T) {
		e := newEnd(t, nil)
		rendezvous, _ := e.listen()
		require.NoError(t, rendezvous.Close())
		var file *os.File
		eventually(t, "close", func() bool {
			var err error
			file, err = rendezvous.ListenerFile()
			return errors.Is(err, net.ErrClosed) || errors.Is(err, errors.ErrUnsupported)
		})
		assert.Nil(t, file)
	})
}
