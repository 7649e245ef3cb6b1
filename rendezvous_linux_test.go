package queuednet

import (
	"net"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/internal/poller"
)

// A process without descriptors left accepts again when it has some.
func TestAcceptWithoutDescriptors(t *testing.T) {
	e := newEnd(t, nil)
	rendezvous, address := e.listen()
	require.True(t, e.listener.RemoveConnection(rendezvous))
	dialRaw(t, address) // it waits in the system
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := syscall.Rlimit{Cur: 3, Max: limit.Max}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	restore := func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) }
	defer restore()
	require.NoError(t, e.listener.AddConnection(rendezvous))
	eventually(t, "failure", func() bool { return e.manager.Refusals().AcceptErrors > 2 })
	assert.False(t, e.listener.NewConnectionAvailable())
	assert.NoError(t, rendezvous.Err())
	restore()
	e.accept()
}

// A rendezvous of the engine has no goroutine, also while it is closed and opened again.
func TestRendezvousWithoutAGoroutine(t *testing.T) {
	needEngine(t)
	e := newEnd(t, nil)
	e.listen()
	before := runtime.NumGoroutine()
	for range 20 {
		rendezvous, address := e.listen()
		dialRaw(t, address)
		e.accept()
		defer rendezvous.Close()
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before+2, "some close sockets")
}

// Where the poller has no room goroutines accept, and carry what is accepted.
func TestRendezvousWithoutRoomInThePoller(t *testing.T) {
	needEngine(t)
	e := newEnd(t, nil)
	p, err := poller.New()
	require.NoError(t, err)
	e.manager.startEngine(refusing{p})
	conn, raw := e.raw()
	assert.Nil(t, conn.Rendezvous().listening.acceptor.Load())
	e.requireExchange(conn, raw)
}

// What is accepted has the options of a stream, also if its system copies none of those
// that the listening socket has.
func TestRendezvousWhoseOptionsAreNotCopied(t *testing.T) {
	needEngine(t)
	e := newEnd(t, nil)
	rendezvous, address := e.listen()
	raw, err := rendezvous.listening.system().(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	for _, option := range [][2]int{{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}, {syscall.IPPROTO_TCP, syscall.TCP_NODELAY}} {
		require.NoError(t, raw.Control(func(fd uintptr) {
			assert.NoError(t, syscall.SetsockoptInt(int(fd), option[0], option[1], 0))
		}))
	}
	for range 3 {
		dialRaw(t, address)
		conn := e.accept()
		requireKeepAlive(t, conn, 5, 2, 3, 10_000)
		assert.True(t, isOn(t, conn, syscall.IPPROTO_TCP, syscall.TCP_NODELAY))
	}
}

// A rendezvous whose socket is handed over is accepted at by a goroutine, as the other
// process may make it a blocking one, which would hold up the engine.
func TestRendezvousThatIsHandedOver(t *testing.T) {
	needEngine(t)
	e := newEnd(t, nil)
	rendezvous, address := e.listen()
	assert.NotNil(t, rendezvous.listening.acceptor.Load())
	bystander, bystanderRaw := e.raw()
	file, err := rendezvous.ListenerFile()
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, syscall.SetNonblock(int(file.Fd()), false))
	assert.Nil(t, rendezvous.listening.acceptor.Load())
	accept := func() {
		raw := dialRaw(t, address)
		e.requireExchange(e.accept(), raw)
		e.requireExchange(bystander, bystanderRaw)
	}
	accept()
	accept()
	require.NoError(t, rendezvous.SetRecvBufferSize(100_000))
	require.True(t, e.manager.CloseConnection(rendezvous))
	_, err = rendezvous.ListenerFile()
	assert.ErrorIs(t, err, net.ErrClosed)
}
