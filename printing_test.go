package queuednet

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var verbs = []string{"%v", "%+v", "%s", "%#v"}

// What owns sockets and queues is one line in every way of printing.
func TestPrinting(t *testing.T) {
	e := newEnd(t, nil)
	recent := NewRecentConnectionReader(e.manager)
	raw := NewConnectionWriter(e.manager)
	raw.SetRawMode(true)
	rendezvous, address := e.listen()
	port := rendezvous.LocalAddress().Port()
	dialRaw(t, address)
	failed := e.manager.BeginTCPClientConnection("", 0, time.Second)
	open := e.manager.BeginTCPClientConnection("127.0.0.1", port, patience)
	conn, err := open.Wait(t.Context())
	require.NoError(t, err)
	_, failure := failed.Wait(t.Context())
	closed := newEnd(t, nil)
	require.NoError(t, closed.manager.Close())

	for want, value := range map[string]any{
		"closed manager": closed.manager,
		"reader of 2-byte headers, nothing queued":        e.reader,
		"recent reader of 2-byte headers, nothing queued": recent,
		"writer of 2-byte headers":                        e.writer,
		"writer of raw bytes":                             raw,
		"pending connection: " + failure.Error():          failed,
		conn.String():                                     open,
		"pending connection":                              new(PendingConnection),
	} {
		requirePrints(t, want, value)
	}
	eventually(t, "both connections", func() bool { return e.listener.queue.size.Load() == 2 })
	requirePrints(t, "listener with 2 new connections", e.listener)
	requirePrints(t, "manager of 4 connections", e.manager)
	e.accept()
	e.accept()
	e.send(conn, "x")
	eventually(t, "a datagram", func() bool { return e.reader.CurrentQueueSize() == 1 })
	requirePrints(t, "reader of 2-byte headers, datagrams queued", e.reader)
	for range e.reader.Datagrams() {
		requirePrints(t, "reader of 2-byte headers, nothing queued", e.reader)
	}
}

func requirePrints(t *testing.T, want string, value any) {
	t.Helper()
	for _, verb := range verbs {
		require.Equal(t, want, fmt.Sprintf(verb, value), verb)
	}
}

// Everything may be printed while traffic runs. With the race detector this fails
// if printing reads what is inside.
func TestPrintingDuringTraffic(t *testing.T) {
	const datagrams = 2000
	e, client := newEnd(t, nil), newEnd(t, nil)
	recent := NewRecentConnectionReader(client.manager)
	rendezvous, _ := e.listen()
	port := rendezvous.LocalAddress().Port()
	pending := client.manager.BeginTCPClientConnection("127.0.0.1", port, patience)
	done := make(chan struct{})
	printed := make(chan error)
	go func() {
		for {
			var text string
			for _, value := range []any{e.manager, e.listener, e.reader, recent, client.writer, pending} {
				for _, verb := range verbs {
					text += fmt.Sprintf(verb, value)
				}
			}
			select {
			case <-done:
				if strings.Contains(text, "{") {
					printed <- errors.New(text)
				}
				close(printed)
				return
			default:
			}
		}
	}()
	conn, err := pending.Wait(t.Context())
	require.NoError(t, err)
	require.NoError(t, recent.AddConnection(conn))
	far := e.accept()
	for i := range datagrams {
		client.send(conn, "to the server")
		if i%100 == 0 {
			e.send(far, "to the client")
		}
	}
	e.messages(datagrams)
	client.until("a datagram", func() bool { return recent.GetData(new(NetDatagram)) })
	close(done)
	require.NoError(t, <-printed)
}

// What a connection is called, in every way of printing, while others change it.
func TestConnectionString(t *testing.T) {
	e := newEnd(t, nil)
	rendezvous, address := e.listen()
	raw := dialRaw(t, address)
	conn := e.accept()
	near, far := net.Pipe()
	defer far.Close()
	pipe, err := e.manager.AdoptConnection(near)
	require.NoError(t, err)
	wrapped, _ := e.wrapped()
	var local NetAddress
	require.NoError(t, local.SetLocalhost(0))
	udp, err := e.manager.OpenUDPConnectionAt(local)
	require.NoError(t, err)

	for c, want := range map[*Connection]string{
		conn:       "tcp " + raw.LocalAddr().String(),
		rendezvous: "rendezvous tcp " + address,
		pipe:       "pipe",
		udp:        "udp " + udp.LocalAddress().String(),
		nil:        "nil",
		{}:         "no connection",
	} {
		require.Equal(t, want, c.String())
		for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
			require.Equal(t, want, fmt.Sprintf(verb, c), verb)
		}
		var line strings.Builder
		slog.New(slog.NewTextHandler(&line, nil)).Info("x", "conn", c)
		require.Contains(t, line.String(), want)
	}
	require.Contains(t, wrapped.String(), "struct { net.Conn }")

	listener, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		return // a system without
	}
	defer listener.Close()
	far, err = net.Dial("unix", listener.Addr().String())
	require.NoError(t, err)
	defer far.Close()
	near, err = listener.Accept()
	require.NoError(t, err)
	unix, err := e.manager.AdoptConnection(near)
	require.NoError(t, err)
	require.Equal(t, "unix", unix.String())
}
