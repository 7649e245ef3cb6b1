package queuednet

import (
	"cmp"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/queuednet/queuednet/internal/sockopt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each packet is delivered or counted. Without a reader the
// library takes one packet and leaves the others in the system's buffer.
func TestUDPOverrun(t *testing.T) {
	needMemInfo(t)
	const sent = 2000
	for name, open := range map[string]func(e *end) (*Connection, error){
		"opened": func(e *end) (*Connection, error) { return e.manager.OpenUDPConnection(0) },
		"adopted": func(e *end) (*Connection, error) {
			socket, err := net.ListenPacket("udp", "127.0.0.1:0")
			require.NoError(t, err)
			return e.manager.AdoptUDPConnection(socket)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, nil)
			conn, err := open(e)
			require.NoError(t, err)
			require.NoError(t, conn.SetRecvBufferSize(100_000))
			raw, to := rawUDP(t, "127.0.0.1:0"), local(t, conn)
			for range sent {
				sendPacket(t, raw, to, packed(strings.Repeat("x", 1000)))
			}
			overrun := conn.UDPDrops().Overrun
			require.NotZero(t, overrun)
			require.Less(t, overrun, uint64(sent))
			require.NoError(t, e.reader.AddConnection(conn))
			e.messages(sent - int(overrun))
			assert.Equal(t, UDPDrops{Overrun: overrun}, conn.UDPDrops())
			e.requireUDPExchange(conn, raw, to) // and nothing else
		})
	}
}

// What the system has dropped is known after the end, also to whom asks only then.
func TestUDPOverrunAfterTheEnd(t *testing.T) {
	needMemInfo(t)
	e := newEnd(t, nil)
	conn, err := e.manager.OpenUDPConnection(0)
	require.NoError(t, err)
	require.NoError(t, conn.SetRecvBufferSize(1))
	raw, to := rawUDP(t, "127.0.0.1:0"), local(t, conn)
	for range 1000 {
		sendPacket(t, raw, to, packed(strings.Repeat("x", 1000)))
	}
	e.manager.Close()
	assert.Greater(t, conn.UDPDrops().Overrun, uint64(500))
}

// The system counts in 32 bits.
func TestUDPOverrunBeyond32Bits(t *testing.T) {
	needMemInfo(t)
	conn := newEnd(t, nil).udp("127.0.0.1:0")
	conn.packets.overruns.last = 1<<32 - 5 // so that the system's 0 is 5 more
	assert.EqualValues(t, 5, conn.UDPDrops().Overrun)
}

// A burst fits in the receive buffer as far as the system allows.
func TestUDPReceiveBuffer(t *testing.T) {
	e := newEnd(t, nil)
	small, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	before := receiveBufferOf(t, e.adoptUDP(small))
	asked := e.adoptUDP(rawUDP(t, "127.0.0.1:0"))
	require.NoError(t, asked.SetRecvBufferSize(udpReceiveBuffer))
	allowed := max(before, receiveBufferOf(t, asked))
	for _, conn := range []*Connection{e.udp("127.0.0.1:0"), e.udpEverywhere()} {
		assert.Equal(t, allowed, receiveBufferOf(t, conn))
	}
	assert.Greater(t, allowed, before)
}

// needMemInfo skips the test where the system does not have SO_MEMINFO.
func needMemInfo(t *testing.T) {
	t.Helper()
	raw, err := rawUDP(t, "127.0.0.1:0").SyscallConn()
	require.NoError(t, err)
	if _, ok := sockopt.Drops(raw); !ok {
		t.Skip("the system has no SO_MEMINFO: qemu-user does not pass it on")
	}
}

func receiveBufferSize(fd uintptr) int {
	size, _ := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	return size
}

func receiveBufferOf(t *testing.T, conn *Connection) (size int) {
	t.Helper()
	require.NoError(t, conn.packets.raw.Control(func(fd uintptr) { size = receiveBufferSize(fd) }))
	return size
}

// A buffer that the system, or whoever opened the socket, has made larger stays so,
// also where the system would allow no size between.
func TestUDPReceiveBufferNeverShrinks(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	raw, err := rawUDP(t, "127.0.0.1:0").SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		require.NoError(t, syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 1<<30))
		largest := receiveBufferSize(fd) // twice net.core.rmem_max
		for _, size := range []int{1 << 12, largest / 2, largest} {
			err := syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, size)
			if err != nil {
				t.Skip("this machine does not let a test have any size: ", err)
			}
			before := receiveBufferSize(fd)
			sockopt.GrowReceiveBuffer(fd, 1<<30)
			assert.Equal(t, max(before, largest), receiveBufferSize(fd))
		}
	}))
}

// The program's Control has the last word.
func TestUDPReceiveBufferOfControl(t *testing.T) {
	const size = 10_000
	var seen int
	e := newEnd(t, &Config{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlErr := raw.Control(func(fd uintptr) {
			seen = receiveBufferSize(fd)
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, size)
		})
		return cmp.Or(controlErr, err)
	}})
	for _, conn := range []*Connection{e.udp("127.0.0.1:0"), e.udpEverywhere()} {
		assert.Equal(t, 2*size, receiveBufferOf(t, conn)) // Linux doubles it
		assert.Equal(t, receiveBufferOf(t, newEnd(t, nil).udp("127.0.0.1:0")), seen, "it has been grown before")
	}
}
