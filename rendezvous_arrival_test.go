package queuednet

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A proxiedListener accepts from a proxy that speaks the PROXY protocol,
// version 1: a line with the client's address goes before everything else. It is
// of the shape of github.com/pires/go-proxyproto.
type proxiedListener struct{ net.Listener }

func (l proxiedListener) Accept() (net.Conn, error) {
	socket, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &proxiedConn{Conn: socket, reader: bufio.NewReader(socket)}, nil
}

// A proxiedConn reads the line when its address or its bytes are asked for.
type proxiedConn struct {
	net.Conn
	reader        *bufio.Reader
	once          sync.Once
	client, local net.Addr
	err           error
}

func (c *proxiedConn) NetConn() net.Conn { return c.Conn }

func (c *proxiedConn) Read(b []byte) (int, error) {
	if c.once.Do(c.readLine); c.err != nil {
		return 0, c.err
	}
	return c.reader.Read(b)
}

func (c *proxiedConn) RemoteAddr() net.Addr { c.once.Do(c.readLine); return c.client }
func (c *proxiedConn) LocalAddr() net.Addr  { c.once.Do(c.readLine); return c.local }

func (c *proxiedConn) readLine() {
	c.client, c.local = c.Conn.RemoteAddr(), c.Conn.LocalAddr()
	line, err := c.reader.ReadString('\n')
	if err != nil {
		c.err = err
		return
	}
	var version string
	var client, local netip.Addr
	var ports [2]uint16
	fields := strings.Fields(line)
	if len(fields) != 6 || fields[0] != "PROXY" {
		c.err = fmt.Errorf("not a line of the PROXY protocol: %q", line)
		return
	}
	if _, c.err = fmt.Sscan(strings.Join([]string{fields[1], fields[4], fields[5]}, " "), &version, &ports[0], &ports[1]); c.err != nil {
		return
	}
	if client, c.err = netip.ParseAddr(fields[2]); c.err != nil {
		return
	}
	if local, c.err = netip.ParseAddr(fields[3]); c.err != nil {
		return
	}
	c.client = net.TCPAddrFromAddrPort(netip.AddrPortFrom(client, ports[0]))
	c.local = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, ports[1]))
}

const proxyLine = "PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n"

// One that does not say who it is holds up neither the others nor Close.
func TestArrivalThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		listener := newPipeListener()
		rendezvous, _ := e.adoptListener(proxiedListener{listener})
		silent := listener.Dial(t)
		start := time.Now()
		for range 3 {
			write(t, listener.Dial(t), proxyLine+framed(2, "hello"))
			conn := e.accept()
			assert.Equal(t, "203.0.113.7:56324", conn.Address().String())
			assert.Equal(t, "198.51.100.1:443", conn.LocalAddress().String())
			assert.Equal(t, "hello", string(e.next().Message()))
			assert.Same(t, rendezvous, conn.Rendezvous())
		}
		since(t, start, 0)
		_, err := silent.Read(make([]byte, 1))
		assert.Equal(t, io.EOF, err)
		since(t, start, defaultAddressTimeout)
		assert.Equal(t, Refusals{AcceptErrors: 1}, e.manager.Refusals())

		silent = listener.Dial(t)
		synctest.Wait()
		start = time.Now()
		require.True(t, e.listener.RemoveConnection(rendezvous))
		_, err = silent.Read(make([]byte, 1))
		assert.Equal(t, io.EOF, err, "it is not held")
		require.NoError(t, e.listener.AddConnection(rendezvous))
		listener.Dial(t)
		synctest.Wait()
		require.True(t, e.manager.CloseConnection(rendezvous))
		synctest.Wait()
		since(t, start, 0)
		assert.Empty(t, rendezvous.listening.arrivals)
	})
}

func countArrivals(r *rendezvous) int {
	r.gate.lock()
	defer r.unlock()
	return len(r.arrivals)
}

func TestArrivalIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{FirstDatagramTimeout: 3 * time.Second})
		listener := newPipeListener()
		e.adoptListener(proxiedListener{listener})
		r := e.rendezvousOf(t)
		for range defaultBacklog + 5 {
			listener.Dial(t)
			synctest.Wait()
		}
		assert.Equal(t, defaultBacklog, countArrivals(r))
		assert.Equal(t, 5, listener.Waiting(), "they wait in the system")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		assert.Equal(t, 5, countArrivals(r))
		start := time.Now()
		require.NoError(t, e.manager.Close())
		since(t, start, 0)
		assert.Zero(t, countArrivals(r))
	})
}

// rendezvousOf returns the rendezvous of the end, which has one.
func (e *end) rendezvousOf(t *testing.T) *rendezvous {
	t.Helper()
	e.manager.mu.Lock()
	defer e.manager.mu.Unlock()
	for conn := range e.manager.connections {
		if conn.listening != nil {
			return conn.listening
		}
	}
	require.Fail(t, "no rendezvous")
	return nil
}

// Limits hold for the client's address, not for the proxy's.
func TestArrivalIsAdmittedByItsOwnAddress(t *testing.T) {
	e := newEnd(t, &Config{MaxConnectionsPerAddress: 1})
	_, address := e.adoptListener(proxiedListener{listenRaw(t, "tcp4", "127.0.0.1:0")})
	dial := func(client string) net.Conn {
		raw := dialRaw(t, address)
		write(t, raw, "PROXY TCP4 "+client+" 198.51.100.1 1 2\r\n")
		return raw
	}
	dial("203.0.113.1")
	e.accept()
	dial("203.0.113.2")
	e.accept()
	_, err := dial("203.0.113.1").Read(make([]byte, 1))
	assert.ErrorIs(t, err, errConnectionReset)
	assert.Equal(t, Refusals{PerAddress: 1}, e.manager.Refusals())
}

// Options reach the system's socket through TLS over the PROXY protocol, also
// where the client's address is of the other version of IP.
// When the manager closes just as an arrival tells its address, the arrival sees a reset,
// and its place is given back.
func TestArrivalWhileTheManagerCloses(t *testing.T) {
	e := newEnd(t, &Config{MaxConnections: 10, MaxConnectionsPerAddress: 10})
	rendezvous, address := e.adoptListener(proxiedListener{listenRaw(t, "tcp4", "127.0.0.1:0")})
	raw := dialRaw(t, address)
	eventually(t, "arrival", func() bool { return countArrivals(rendezvous.listening) == 1 })
	rendezvous.mu.Lock() // so that Close does not turn the arrival away
	closed := make(chan error, 1)
	go func() { closed <- e.manager.Close() }()
	eventually(t, "close", e.manager.isClosed.Load)
	write(t, raw, proxyLine)
	_, err := raw.Read(make([]byte, 1))
	rendezvous.mu.Unlock()
	assert.ErrorIs(t, err, errConnectionReset)
	require.NoError(t, <-closed)
	requireNoPlaceTaken(t, e.manager)
}

func TestArrivalThroughTwoLayers(t *testing.T) {
	e := newEnd(t, nil)
	tcp := listenRaw(t, "tcp4", "127.0.0.1:0")
	_, address := e.adoptListener(tlsListener(proxiedListener{tcp}))
	raw := dialRaw(t, address)
	write(t, raw, "PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n")
	client := tlsClient(raw)
	conn := e.accept()
	require.NoError(t, client.Handshake())
	assert.Equal(t, "[2001:db8::7]:56324", conn.Address().String())
	assert.NoError(t, conn.SetNoDelay(false))
	assert.NoError(t, conn.SetSendBufferSize(16<<10))
	assert.NoError(t, conn.SetIPTimeToLive(9))
	write(t, client, framed(2, "ping"))
	datagram := e.next()
	assert.Equal(t, "ping", string(datagram.Message()))
	assert.Equal(t, conn.Address(), datagram.Address())
	e.send(conn, "pong")
	assert.Equal(t, framed(2, "pong"), read(t, client, 6))
}

// A socket that the program adopts need not know its address yet either.
func TestAdoptedAddressComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		near, far := net.Pipe()
		start := time.Now()
		conn, err := e.manager.AdoptConnection(&proxiedConn{Conn: near, reader: bufio.NewReader(near)})
		require.NoError(t, err)
		since(t, start, 0)
		assert.Zero(t, conn.Address())
		assert.Zero(t, conn.LocalAddress())
		require.NoError(t, e.reader.AddConnection(conn))
		write(t, far, proxyLine)
		synctest.Wait()
		assert.Equal(t, "203.0.113.7:56324", conn.Address().String())
		assert.Equal(t, "198.51.100.1:443", conn.LocalAddress().String())
		write(t, far, framed(2, "hello"))
		datagram := e.next()
		assert.Equal(t, conn.Address(), datagram.Address())
		require.NoError(t, far.Close())
		assert.Same(t, conn, e.reset())
	})
}

// A deadline of the program's own is not one of the library's.
func TestAdoptingClearsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		listener := newPipeListener()
		e.adoptListener(deadlineListener{listener})
		adopted, far := net.Pipe()
		require.NoError(t, adopted.SetDeadline(time.Now().Add(time.Second)))
		e.adopt(adopted)
		other := listener.Dial(t)
		conn := e.accept()
		time.Sleep(time.Hour)
		for _, far := range []net.Conn{far, other} {
			write(t, far, framed(2, "late"))
		}
		for range 2 {
			datagram := e.next()
			assert.Equal(t, "late", string(datagram.Message()))
			e.send(datagram.Connection(), "answer")
		}
		assert.NoError(t, conn.Err())
		for _, far := range []net.Conn{far, other} {
			assert.Equal(t, framed(2, "answer"), read(t, far, 8))
		}
	})
}

// A deadlineListener leaves a deadline on what it accepts.
type deadlineListener struct{ net.Listener }

func (l deadlineListener) Accept() (net.Conn, error) {
	socket, err := l.Listener.Accept()
	if err == nil {
		err = socket.SetDeadline(time.Now().Add(time.Second))
	}
	return socket, err
}
