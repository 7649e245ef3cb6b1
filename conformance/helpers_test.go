package conformance_test

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testend"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { testnet.Main(m) }

// An end is one end of a wire, with what these tests do to it.
type end struct{ *testend.End }

// newEnd returns an end that is closed with the test.
func newEnd(t testing.TB, config *queuednet.Config) *end { return &end{testend.New(t, config)} }

func mustAddress(t testing.TB, text string) queuednet.NetAddress {
	t.Helper()
	address, err := queuednet.ParseNetAddress(text)
	require.NoError(t, err)
	return address
}

// netAddressOf returns the address of a plain socket.
func netAddressOf(address net.Addr) queuednet.NetAddress {
	return queuednet.NetAddressFrom(netip.MustParseAddrPort(address.String()))
}

// listen opens a rendezvous on the loopback and returns its address.
func (e *end) listen() (rendezvous *queuednet.Connection, address string) {
	e.T.Helper()
	rendezvous, err := e.Manager.OpenTCPServerRendezvousAt(mustAddress(e.T, "127.0.0.1:0"), 100)
	require.NoError(e.T, err)
	require.NoError(e.T, e.Listener.AddConnection(rendezvous))
	return rendezvous, rendezvous.LocalAddress().String()
}

// accept waits for the next connection and adds it to the reader.
func (e *end) accept() *queuednet.Connection {
	e.T.Helper()
	conn := e.Accept()
	e.Add(conn)
	return conn
}

// raw connects a plain socket to the end and returns both sides.
func (e *end) raw() (*queuednet.Connection, *net.TCPConn) {
	e.T.Helper()
	_, address := e.listen()
	raw := testnet.DialRaw(e.T, address)
	return e.accept(), raw
}

// pipe connects the end to a pipe and returns both sides.
func (e *end) pipe() (*queuednet.Connection, net.Conn) {
	e.T.Helper()
	near, far := net.Pipe()
	e.T.Cleanup(func() { far.Close() })
	conn, err := e.Manager.AdoptConnection(testnet.HalfPipe{Conn: near})
	require.NoError(e.T, err)
	e.Add(conn)
	return conn, far
}

// connect opens a connection to another end and adds it to the reader.
func (e *end) connect(address string) *queuednet.Connection {
	e.T.Helper()
	host, port := testnet.HostPort(e.T, address)
	conn, err := e.Manager.OpenTCPClientConnection(host, port, testnet.Patience)
	require.NoError(e.T, err)
	e.Add(conn)
	return conn
}

// next waits for the next datagram.
func (e *end) next() *queuednet.NetDatagram {
	e.T.Helper()
	var datagram queuednet.NetDatagram
	e.Until("datagram", func() bool { return e.Reader.GetData(&datagram) })
	return &datagram
}

// messages waits for n datagrams and returns their payloads.
func (e *end) messages(n int) []string {
	e.T.Helper()
	var got []string
	for range n {
		got = append(got, e.Next())
	}
	return got
}

// drain returns the payloads that are queued, by one drain, without waiting.
func (e *end) drain() []string {
	var got []string
	for datagram := range e.Reader.Datagrams() {
		got = append(got, string(datagram.Message()))
	}
	return got
}

// reset waits for the next end of a connection.
func (e *end) reset() *queuednet.Connection {
	e.T.Helper()
	var conn *queuednet.Connection
	e.Until("reset", func() (ok bool) {
		conn, ok = e.Manager.GetResetConnection()
		return ok
	})
	return conn
}

// requireNoReset asserts that no end of a connection is reported, nor will be
// of those that have ended or been closed: it waits until nothing of the library is
// busy with them.
func (e *end) requireNoReset() {
	e.T.Helper()
	testnet.Eventually(e.T, "end of the connections' goroutines", func() bool { return e.Manager.Stats().Closing == 0 })
	require.Empty(e.T, slices.Collect(e.Manager.ResetConnections()))
}

// wire closes the connection and returns all that its peer reads up to the end:
// what was sent and not one byte more.
func (e *end) wire(conn *queuednet.Connection, raw net.Conn) string {
	e.T.Helper()
	require.True(e.T, e.Manager.CloseConnection(conn))
	b, err := io.ReadAll(raw)
	require.NoError(e.T, err)
	return string(b)
}

// queuedBytes returns how many bytes of conn are queued.
func queuedBytes(conn *queuednet.Connection) int { return conn.Stats().ReceiveQueueBytes }

// isHeldBack reports whether conn waits for the loop.
func isHeldBack(conn *queuednet.Connection) bool { return conn.Stats().HeldBack }

// udp opens a UDP connection at an address and adds it to the reader.
func (e *end) udp(address string) *queuednet.Connection {
	e.T.Helper()
	conn, err := e.Manager.OpenUDPConnectionAt(mustAddress(e.T, address))
	require.NoError(e.T, err)
	e.Add(conn)
	return conn
}

// udpEverywhere opens a UDP connection on all interfaces and adds it to the reader.
func (e *end) udpEverywhere() *queuednet.Connection {
	e.T.Helper()
	conn, err := e.Manager.OpenUDPConnection(0)
	require.NoError(e.T, err)
	e.Add(conn)
	return conn
}

// sendTo sends text, which must succeed.
func (e *end) sendTo(conn *queuednet.Connection, to queuednet.NetAddress, text string) {
	e.T.Helper()
	require.NoError(e.T, e.Writer.SendTo(queuednet.NewDatagram([]byte(text)), conn, to))
}

// requireTooLong asserts that a datagram is refused as too long.
func (e *end) requireTooLong(conn *queuednet.Connection, to queuednet.NetAddress, size, limit int64) {
	e.T.Helper()
	err := e.Writer.SendTo(queuednet.NewDatagram(make([]byte, size)), conn, to)
	var tooLong *queuednet.DatagramTooLongError
	require.ErrorAs(e.T, err, &tooLong)
	require.Equal(e.T, queuednet.DatagramTooLongError{Length: size, Max: limit}, *tooLong)
}

// rawPacket reads one packet from a plain socket.
func rawPacket(t testing.TB, raw net.PacketConn) (packet string, from queuednet.NetAddress) {
	t.Helper()
	b := make([]byte, 1<<16)
	n, addr, err := raw.ReadFrom(b)
	require.NoError(t, err)
	return string(b[:n]), netAddressOf(addr)
}

// sendPacket sends one packet from a plain socket.
func sendPacket(t testing.TB, raw net.PacketConn, to queuednet.NetAddress, packet string) {
	t.Helper()
	_, err := raw.WriteTo([]byte(packet), net.UDPAddrFromAddrPort(to.AddrPort()))
	require.NoError(t, err)
}
