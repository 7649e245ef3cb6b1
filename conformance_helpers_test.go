package queuednet

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The system's reasons. Windows has numbers of its own for them.
var (
	errConnectionReset   = systemError(syscall.ECONNRESET, 10054)
	errConnectionRefused = systemError(syscall.ECONNREFUSED, 10061)
	errAddressInUse      = systemError(syscall.EADDRINUSE, 10048)
)

func systemError(errno, windows syscall.Errno) error {
	if runtime.GOOS == "windows" {
		return windows
	}
	return errno
}

// framed returns payloads as Panda3D puts them on the wire.
func framed(headerSize int, payloads ...string) string {
	var b []byte
	for _, payload := range payloads {
		switch headerSize {
		case 2:
			b = binary.LittleEndian.AppendUint16(b, uint16(len(payload)))
		case 4:
			b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
		}
		b = append(b, payload...)
	}
	return string(b)
}

// connect opens a connection to another end and adds it to the reader.
func (e *end) connect(address string) *Connection {
	e.t.Helper()
	host, port := hostPort(e.t, address)
	conn, err := e.manager.OpenTCPClientConnection(host, port, patience)
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn
}

func hostPort(t testing.TB, address string) (host string, port int) {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	require.NoError(t, err)
	port, err = strconv.Atoi(text)
	require.NoError(t, err)
	return host, port
}

// wire closes the connection and returns all that its peer reads up to the end:
// what was sent and not one byte more.
func (e *end) wire(conn *Connection, raw net.Conn) string {
	e.t.Helper()
	require.True(e.t, e.manager.CloseConnection(conn))
	b, err := io.ReadAll(raw)
	require.NoError(e.t, err)
	return string(b)
}

// drain returns the payloads that are queued, by one drain, without waiting.
func (e *end) drain() []string {
	var got []string
	for datagram := range e.reader.Datagrams() {
		got = append(got, string(datagram.Message()))
	}
	return got
}

// requireNoReset asserts that no end of a connection is reported, nor will be
// of conns, which must have ended or been closed: it waits until nothing of
// the library is busy with them.
func (e *end) requireNoReset(conns ...*Connection) {
	e.t.Helper()
	for _, conn := range conns {
		eventually(e.t, "end of the connection's goroutine", func() bool {
			e.manager.mu.Lock()
			defer e.manager.mu.Unlock()
			_, busy := e.manager.connections[conn]
			return !busy
		})
	}
	require.Empty(e.t, slices.Collect(e.manager.ResetConnections()))
}

// breakOff closes a plain socket so that its peer gets a reset.
func breakOff(t testing.TB, raw *net.TCPConn) {
	t.Helper()
	require.NoError(t, raw.SetLinger(0))
	require.NoError(t, raw.Close())
}

// requireTimeout asserts that a deadline made a call fail.
func requireTimeout(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	require.True(t, errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded), "%v", err)
}

// requireWithin asserts that f takes less than limit. A busy machine may stop
// any program for longer, so f has several attempts.
func requireWithin(t testing.TB, limit time.Duration, f func()) {
	t.Helper()
	best := time.Duration(1<<63 - 1)
	for range 10 {
		start := time.Now()
		f()
		if best = min(best, time.Since(start)); best < limit {
			return
		}
	}
	require.Less(t, best, limit, "the fastest of 10 attempts")
}

// needIPv6 skips the test on a machine without ::1.
func needIPv6(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	require.NoError(t, listener.Close())
}

// goroutinesIn returns how many goroutines are running a function, as a stack
// trace names it.
func goroutinesIn(function string) int {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	n := 0
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(stack, function+"(") {
			n++
		}
	}
	return n
}

// A tap shows what leaves through a pipe, piece by piece as it was written, at
// last "EOF". It is for a bubble of synctest.
type tap chan string

func newTap(far net.Conn) tap {
	pieces := make(tap, 100)
	go func() {
		defer close(pieces)
		b := make([]byte, 1<<20)
		for {
			n, err := far.Read(b)
			if err != nil {
				pieces <- err.Error()
				return
			}
			pieces <- string(b[:n])
		}
	}()
	return pieces
}

// got returns the pieces that have left by now.
func (p tap) got() []string {
	synctest.Wait()
	var got []string
	for range len(p) {
		got = append(got, <-p)
	}
	return got
}

// A pipeListener is a listening socket that lives in a bubble of synctest.
// Up to 10 of those who dial wait in it as they would in the system.
type pipeListener struct {
	waiting chan net.Conn
	closed  chan struct{}
	close   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{waiting: make(chan net.Conn, 10), closed: make(chan struct{})}
}

// dial returns the client's side of a connection that is to be accepted.
func (l *pipeListener) dial(t testing.TB) net.Conn {
	near, far := net.Pipe()
	t.Cleanup(func() { far.Close() })
	l.waiting <- halfPipe{near}
	return far
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.waiting:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// onlyNames replaces the name service by one with a few names, each with one
// address, for the test. Nothing leaves the machine.
func onlyNames(t *testing.T, names map[string]netip.Addr) {
	all := make(map[string][]netip.Addr)
	for name, addr := range names {
		all[name] = []netip.Addr{addr}
	}
	serveAllNames(t, all)
}

// serveAllNames is onlyNames with names of several addresses.
func serveAllNames(t *testing.T, names map[string][]netip.Addr) {
	system := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = system })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			serveNames(far, names)
		}()
		return near, nil
	}}
}

// serveNames answers DNS queries in the form for streams, which the resolver
// uses on a net.Pipe.
func serveNames(rw io.ReadWriter, names map[string][]netip.Addr) {
	const (
		header           = 12
		answer, notFound = 0x80, 0x03
		typeA, typeAAAA  = 1, 28
	)
	for {
		var size [2]byte
		if _, err := io.ReadFull(rw, size[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(rw, message); err != nil {
			return
		}
		var labels []string
		end := header
		for message[end] != 0 {
			length := int(message[end])
			labels = append(labels, string(message[end+1:end+1+length]))
			end += 1 + length
		}
		question := message[header : end+5] // the name, its end, the type and the class
		asked := binary.BigEndian.Uint16(message[end+1:])

		reply := append([]byte{message[0], message[1], answer | message[2], 0, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
		addresses, found := names[strings.Join(labels, ".")]
		if !found {
			reply[3] |= notFound
		}
		for _, address := range addresses {
			if asked == typeA && address.Is4() || asked == typeAAAA && address.Is6() {
				reply[7]++ // answers
				reply = append(reply, 0xc0, header, 0, byte(asked), 0, 1, 0, 0, 0, 0, 0, byte(len(address.AsSlice())))
				reply = append(reply, address.AsSlice()...)
			}
		}
		if _, err := rw.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}
