package queuednet

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// closings are the ways in which a program ends a connection.
var closings = map[string]func(e *end, conn *Connection) bool{
	"CloseConnection": func(e *end, conn *Connection) bool { return e.manager.CloseConnection(conn) },
	"Close":           func(_ *end, conn *Connection) bool { return conn.Close() == nil },
	"Abort":           func(_ *end, conn *Connection) bool { conn.Abort(); return true },
}

// A kick in the middle of a drain is reported once, after the last datagram, and not
// in the drain of ends before that.
func TestReportClosed(t *testing.T) {
	for name, closes := range closings {
		t.Run(name, func(t *testing.T) {
			eachKind(t, &Config{ReportClosed: true}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
				write(t, peer, strings.Repeat(framed(2, "x"), 3))
				eventually(t, "datagrams", func() bool { return conn.Stats().Received.Datagrams == 3 })
				got := 0
				for range e.reader.Datagrams() {
					if got++; got == 1 {
						require.True(t, closes(e, conn))
						require.False(t, e.manager.CloseConnection(conn), "twice")
					}
					require.False(t, e.manager.ResetConnectionAvailable(), "before its last datagram")
				}
				require.Equal(t, 3, got)
				require.Same(t, conn, e.reset())
				require.Equal(t, net.ErrClosed, conn.Err())
				require.False(t, e.manager.CloseConnection(conn), "after the report")
				_ = peer.Close() // TLS may see the reset
				eventually(t, "end of its socket", func() bool { return e.manager.Stats().Closing == 0 })
				e.requireNoReset(conn)
			})
		})
	}
}

// The end that the peer has made is the one that is reported, also if the program
// closes the connection before it has taken that.
func TestReportClosedAfterAnEnd(t *testing.T) {
	e := newEnd(t, &Config{ReportClosed: true})
	conn, peer := e.raw()
	write(t, peer, framed(2, "x"))
	require.NoError(t, peer.Close())
	eventually(t, "end", func() bool { return conn.Err() != nil })
	require.True(t, e.manager.CloseConnection(conn), "its last datagram is queued")
	require.False(t, e.manager.CloseConnection(conn))
	require.False(t, e.manager.ResetConnectionAvailable())
	require.Equal(t, []string{"x"}, e.messages(1))
	require.Same(t, conn, e.reset())
	require.Equal(t, io.EOF, conn.Err())

	conn, peer = e.raw()
	require.NoError(t, peer.Close())
	eventually(t, "report", e.manager.ResetConnectionAvailable)
	require.True(t, e.manager.CloseConnection(conn), "its report is queued")
	require.Same(t, conn, e.reset())
	e.requireNoReset(conn)
}

func TestReportClosedUDP(t *testing.T) {
	e := newEnd(t, &Config{ReportClosed: true})
	conn := e.udp("127.0.0.1:0")
	require.NoError(t, conn.Close())
	require.Same(t, conn, e.reset())
	e.requireNoReset(conn)
}

// What the program has never seen is not reported, and no rendezvous; what Close of
// the manager ends is.
func TestReportClosedByTheManager(t *testing.T) {
	e := newEnd(t, &Config{ReportClosed: true})
	rendezvous, address := e.listen()
	pending := e.manager.BeginTCPClientConnection("127.0.0.1", rendezvous.LocalAddress().Port(), patience)
	conn := e.accept()
	eventually(t, "connection", pending.Ready)
	pending.Cancel()
	require.Same(t, conn, e.reset(), "its peer has gone")
	dialRaw(t, address)
	conn = e.accept()
	require.True(t, e.manager.CloseConnection(rendezvous))
	require.NoError(t, e.manager.Close())
	require.Equal(t, []*Connection{conn}, slices.Collect(e.manager.ResetConnections()))
}

// The frame of README, which kicks in the middle of a drain who says so: there is a
// player for each datagram, and each leaves once.
func TestKickInTheMiddleOfADrain(t *testing.T) {
	eachKind(t, &Config{ReportClosed: true}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
		type player struct{ handled int }
		players := map[*Connection]*player{conn: new(player)}
		left := 0
		write(t, peer, framed(2, "kick me")+strings.Repeat(framed(2, "more"), 20))
		e.until("end of the player", func() bool {
			for datagram := range e.reader.Datagrams() {
				players[datagram.Connection()].handled++ // panics if there is none
				if string(datagram.Message()) == "kick me" {
					e.manager.CloseConnection(datagram.Connection())
				}
			}
			for conn := range e.manager.ResetConnections() {
				left++
				delete(players, conn)
			}
			return len(players) == 0
		})
		assert.Equal(t, 1, left)
	})
}

// Closing in the loop, by others, and from several goroutines.
func TestConnections(t *testing.T) {
	e := newEnd(t, nil)
	rendezvous, address := e.listen()
	udp := e.udp("127.0.0.1:0")
	piped, _ := e.pipe()
	all := []*Connection{rendezvous, udp, piped}
	for range 10 {
		dialRaw(t, address)
		all = append(all, e.accept())
	}
	require.ElementsMatch(t, all, slices.Collect(e.manager.Connections()))
	for conn := range e.manager.Connections() {
		_ = conn
		break
	}
	require.True(t, e.manager.CloseConnection(piped))
	require.ElementsMatch(t, append(all[:2:2], all[3:]...), slices.Collect(e.manager.Connections()))

	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for conn := range e.manager.Connections() {
				conn.Close()
				require.ErrorIs(t, conn.Err(), net.ErrClosed)
			}
		})
	}
	group.Wait()
	for conn := range e.manager.Connections() {
		require.Fail(t, "open", conn)
	}

	// One that is closed in the loop does not come.
	dialed := func() *Connection {
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		return e.adopt(near)
	}
	first, second := dialed(), dialed()
	yielded := 0
	for range e.manager.Connections() {
		yielded++
		first.Close()
		second.Close()
	}
	require.Equal(t, 1, yielded)
	require.NoError(t, e.manager.Close())
	require.Empty(t, slices.Collect(e.manager.Connections()))
	require.Empty(t, slices.Collect((*QueuedConnectionManager)(nil).Connections()))
}

func TestUserData(t *testing.T) {
	e := newEnd(t, nil)
	conn, peer := e.raw()
	assert.Nil(t, conn.UserData())
	for _, data := range []any{"Ada", 7, nil, []int{1}, func() {}, (*int)(nil)} {
		conn.SetUserData(data)
		if _, ok := data.(func()); !ok {
			assert.Equal(t, data, conn.UserData())
		}
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			conn.SetUserData(i)
			conn.SetUserData("other type")
			_ = conn.UserData()
		})
	}
	group.Wait()
	conn.SetUserData("kept after the end")
	require.NoError(t, peer.Close())
	assert.Equal(t, "kept after the end", e.reset().UserData())
}
