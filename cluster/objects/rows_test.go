package objects

import (
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/distributed"
	"github.com/stretchr/testify/require"
)

// The rows of the conformance table that have no script, because they are about how a connection begins and ends:
// a raw client is on one node, and who watches it on another.

// watcher connects a client to a server, and waits until each server tells it what happens in
// the zones: one that does not yet would ask a client there for its objects, which a raw one does not answer.
func (w *world) watcher(s *server, zones ...uint32) *player {
	w.t.Helper()
	watcher := w.connect(s, zones...)
	for _, other := range w.servers {
		p := w.connect(other)
		var ids []uint32
		for _, zone := range zones {
			ids = append(ids, p.create(zone, "open").DoID())
			watcher.hears(ids[len(ids)-1], "name open")
		}
		p.Disconnect()
		for _, id := range ids {
			watcher.hears(id, "delete")
		}
	}
	watcher.calls = nil
	return watcher
}

// raw connects without a word to a server of the world.
func (w *world) raw(s *server) net.Conn {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), patience)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	require.NoError(w.t, conn.SetDeadline(time.Now().Add(2*patience)))
	return conn
}

// hello reads the first message, and returns the first id of the client and how many it has.
func (w *world) hello(conn net.Conn) (base, size uint32) {
	w.t.Helper()
	b := make([]byte, 12)
	done := make(chan error, 1)
	go func() { _, err := io.ReadFull(conn, b); done <- err }()
	w.until("hello", func() bool {
		select {
		case err := <-done:
			require.NoError(w.t, err)
			return true
		default:
			return false
		}
	})
	require.Equal(w.t, []byte{10, 0, 0x29, 0x23}, b[:4])
	return binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
}

// ends waits until the server has ended a connection, and returns how many bytes came before.
func (w *world) ends(conn net.Conn) (bytes int64) {
	w.t.Helper()
	rest := make(chan int64, 1)
	go func() { n, _ := io.Copy(io.Discard, conn); rest <- n }()
	w.until("its end", func() bool {
		select {
		case bytes = <-rest:
			return true
		default:
			return false
		}
	})
	return bytes
}

func framed(payloads ...[]byte) (b []byte) {
	for _, payload := range payloads {
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(payload))), payload...)
	}
	return b
}

func text(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(s))), s...)
}

var goodbye = []byte{0x30, 0x23}

// generate makes a Thing, and say calls its method.
func generate(zone, id uint32, name string) []byte {
	b := binary.LittleEndian.AppendUint32([]byte{0x2a, 0x23}, zone)
	b = binary.LittleEndian.AppendUint16(b, uint16(testFile.Class("Thing").Number()))
	return append(text(binary.LittleEndian.AppendUint32(b, id), name), 0, 0) // and no optional fields
}

func say(id uint32, what string) []byte {
	b := binary.LittleEndian.AppendUint32([]byte{120, 0}, id)
	return text(binary.LittleEndian.AppendUint16(b, uint16(testFile.Class("Thing").Field("say").Number())), what)
}

func interest(zones ...uint32) []byte {
	b := []byte{0x31, 0x23}
	for _, zone := range zones {
		b = binary.LittleEndian.AppendUint32(b, zone)
	}
	return b
}

func write(t *testing.T, conn net.Conn, b []byte) {
	t.Helper()
	_, err := conn.Write(b)
	require.NoError(t, err)
}

// S1, S4: each node begins with a range of its own, and a client may speak before it has heard that.
func TestRowsOfTheBeginning(t *testing.T) {
	w := newWorld(t, 3)
	seen := make(map[uint32]bool)
	watcher := w.watcher(w.servers[0], 5)
	for i, s := range w.servers {
		conn := w.raw(s)
		write(t, conn, framed(interest(uint32(i)+10)))
		base, size := w.hello(conn)
		require.EqualValues(t, defaultIDRange, size)
		require.False(t, seen[base])
		seen[base] = true
		w.until("interest", func() bool { return len(s.Client(base).Zones()) == 1 })
		write(t, conn, framed(generate(5, base, "early")))
		watcher.hears(base, "name early")
	}
}

// S36, S37: however a client goes, its objects go with it at the clients of other nodes.
func TestRowsOfTheEnd(t *testing.T) {
	w := newWorld(t, 2)
	watcher := w.watcher(w.servers[1], 5, 6)
	for name, leave := range map[string]func(conn *net.TCPConn){
		"goodbye":     func(conn *net.TCPConn) { write(t, conn, framed(goodbye)); w.ends(conn) },
		"closed":      func(conn *net.TCPConn) { conn.Close() },
		"half-closed": func(conn *net.TCPConn) { conn.CloseWrite() },
		"reset":       func(conn *net.TCPConn) { conn.SetLinger(0); conn.Close() },
		"inside a datagram": func(conn *net.TCPConn) {
			write(t, conn, []byte{20, 0, 1, 2, 3})
			conn.Close()
		},
	} {
		watcher.calls = nil // an id may come again
		conn := w.raw(w.servers[0])
		base, _ := w.hello(conn)
		write(t, conn, framed(generate(5, base, name), generate(6, base+1, name)))
		watcher.hears(base, "name %s", name)
		watcher.hears(base+1, "name %s", name)
		leave(conn.(*net.TCPConn))
		watcher.hears(base, "delete")
		watcher.hears(base+1, "delete")
	}
	w.until("nothing is left", func() bool { return w.servers[0].Stats().Objects+w.servers[1].Stats().ForeignObjects == 0 })
}

// S38, S40: what comes after a goodbye is nothing to other nodes either; what comes byte by byte is.
func TestRowsOfTheStream(t *testing.T) {
	w := newWorld(t, 2)
	watcher := w.watcher(w.servers[1], 5)
	conn := w.raw(w.servers[0])
	base, _ := w.hello(conn)
	write(t, conn, framed(generate(5, base, "short"), goodbye, say(base, "late"), generate(5, base+1, "late")))
	watcher.hears(base, "delete")
	require.Zero(t, watcher.count(prefixed(base, "say late")))
	require.Zero(t, watcher.count(prefixed(base+1, "name late")))

	conn = w.raw(w.servers[0])
	base, _ = w.hello(conn)
	for _, b := range framed(generate(5, base, "slow"), say(base, "slowly")) {
		write(t, conn, []byte{b})
		w.servers[0].Update()
	}
	watcher.hears(base, "say slowly")
	for i := range 500 {
		write(t, conn, framed(say(base, strconv.Itoa(i))))
	}
	watcher.hears(base, "say 499")
	calls := watcher.calls[len(watcher.calls)-500:]
	for i, call := range calls {
		require.Equal(t, prefixed(base, "say "+strconv.Itoa(i)), call)
	}
}

// S48: a node without a range refuses clients; the others have theirs.
func TestRowOfTheLastRange(t *testing.T) {
	w := &world{t: t}
	for i := range 2 {
		s, err := startServer(cluster.Config{Number: uint16(i + 1), Routes: w.routes}, &distributed.ServerConfig{}, testFile, Config{IDRange: 1_000_000_000, MaxNodes: 3})
		require.NoError(t, err)
		t.Cleanup(func() { s.node.Close(); s.Close() })
		w.servers, w.routes = append(w.servers, s), append(w.routes, s.node.ListenAddress())
	}
	for i, s := range w.servers {
		base, _ := w.hello(w.raw(s))
		require.EqualValues(t, i+1, base/1_000_000_000)
		require.Zero(t, w.ends(w.raw(s)))
		require.EqualValues(t, 1, s.Stats().Refused)
	}
}
