package badnet

import (
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
)

// An end is one program: a manager with what its loop polls.
type end struct {
	t        *testing.T
	host     *host
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
	sends    []time.Duration // what each Send and Broadcast took
	waits    int             // how many of them waited: see send
}

// newEnd returns an end on a host, which is closed with the test.
func newEnd(t *testing.T, h *host, config *queuednet.Config) *end {
	manager := queuednet.NewQueuedConnectionManager(config)
	t.Cleanup(func() { manager.Close() })
	return &end{
		t:        t,
		host:     h,
		manager:  manager,
		listener: queuednet.NewQueuedConnectionListener(manager),
		reader:   queuednet.NewQueuedConnectionReader(manager),
		writer:   queuednet.NewConnectionWriter(manager),
	}
}

// sendBuffer makes what the system takes at once small, so that datagrams wait
// in the library, and a Send that wrote by itself would be caught.
const sendBuffer = 4 << 10

// connect opens connections from client to server and returns both sides, the
// one at the same place as the other.
func connect(client, server *end, count int) (dialled, accepted []*queuednet.Connection) {
	t := client.t
	t.Helper()
	address := queuednet.NetAddressFrom(netip.AddrPortFrom(server.host.address, 0))
	var rendezvous *queuednet.Connection
	require.NoError(t, server.host.run(func() (err error) {
		rendezvous, err = server.manager.OpenTCPServerRendezvousAt(address, 0)
		return err
	}))
	require.NoError(t, server.listener.AddConnection(rendezvous))
	for range count {
		require.NoError(t, client.host.run(func() error {
			conn, err := client.manager.OpenTCPClientConnection(address.IPString(), rendezvous.LocalAddress().Port(), patience)
			dialled = append(dialled, conn)
			return err
		}))
	}
	accepted = make([]*queuednet.Connection, count)
	frames(t, "connections", func() bool {
		for conn := range server.listener.NewConnections() {
			at := slices.IndexFunc(dialled, func(c *queuednet.Connection) bool { return c.LocalAddress() == conn.Address() })
			accepted[at] = conn
		}
		return !slices.Contains(accepted, nil)
	})
	for at := range count {
		require.NoError(t, client.reader.AddConnection(dialled[at]))
		require.NoError(t, server.reader.AddConnection(accepted[at]))
		require.NoError(t, dialled[at].SetSendBufferSize(sendBuffer))
		require.NoError(t, accepted[at].SetSendBufferSize(sendBuffer))
	}
	return dialled, accepted
}

const (
	frame = time.Second / 60

	// slowSend is what no Send may wait, far less than a round trip. Each is measured
	// on the wall; one that took longer waited only if its thread gave up the
	// processor by itself, so that other programs on the machine do not count.
	slowSend = 10 * time.Millisecond
)

// frames runs a loop: step, 60 times a second, until it reports true.
func frames(t *testing.T, what string, step func() (done bool)) {
	t.Helper()
	runtime.LockOSThread() // for the switches of this thread
	defer runtime.UnlockOSThread()
	ticker := time.NewTicker(frame)
	defer ticker.Stop()
	for limit := time.Now().Add(patience + shortOrLong(0, longRun)); !step(); <-ticker.C {
		require.True(t, time.Now().Before(limit), "no %s", what)
	}
}

// send measures a Send or Broadcast, which must succeed.
func (e *end) send(send func() error) {
	switches, start := voluntarySwitches(), time.Now()
	err := send()
	took := time.Since(start)
	if took > slowSend && voluntarySwitches() > switches {
		e.waits++
	}
	e.sends = append(e.sends, took)
	require.NoError(e.t, err)
}

// voluntarySwitches returns how often the thread has waited for something.
func voluntarySwitches() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &usage); err != nil {
		panic(err)
	}
	return int64(usage.Nvcsw)
}

// assertSendsDidNotWait allows one in a thousand, and one, for the garbage
// collector on a busy machine.
func (e *end) assertSendsDidNotWait() {
	e.t.Helper()
	assert.LessOrEqual(e.t, e.waits, 1+len(e.sends)/1000, "of %d sends waited over %v", len(e.sends), slowSend)
}

// requireNoEnds requires that no end is reported.
func (e *end) requireNoEnds() {
	e.t.Helper()
	for conn := range e.manager.ResetConnections() {
		require.Fail(e.t, "an end", "%v: %v", conn.Address(), conn.Err())
	}
}
