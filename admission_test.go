package queuednet

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dialFrom is dialRaw with an address of this machine.
func dialFrom(host, address string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	return dialer.Dial("tcp", address)
}

// requireRefused asserts that a peer is turned away with a reset, which it may
// get while it still believes to be connecting.
func requireRefused(t *testing.T, host, address string) {
	t.Helper()
	raw, err := dialFrom(host, address)
	if err == nil {
		defer raw.Close()
		require.NoError(t, raw.SetDeadline(time.Now().Add(patience)))
		_, err = raw.Read(make([]byte, 1))
	}
	require.ErrorIs(t, err, errConnectionReset)
}

func TestMaxConnections(t *testing.T) {
	e := newEnd(t, &Config{MaxConnections: 2})
	_, address := e.listen()
	_, second := e.listen()
	raw, rawToo := dialRaw(t, address), dialRaw(t, second)
	conns := []*Connection{e.accept(), e.accept()}
	requireRefused(t, "127.0.0.1", address)
	requireRefused(t, "127.0.0.1", second)
	assert.Equal(t, Refusals{Connections: 2}, e.manager.Refusals())
	for i, raw := range []net.Conn{raw, rawToo} {
		write(t, raw, framed(2, "in"))
		assert.Equal(t, "in", string(e.next().Message()))
		assert.NoError(t, conns[i].Err())
	}
	e.pipe() // what the program adopts and opens does not count
	opened := newEnd(t, nil)
	_, elsewhere := opened.listen()
	e.connect(elsewhere)

	// A place is free when the socket is closed, whoever closed it.
	require.NoError(t, raw.Close())
	first := e.reset()
	e.requireNoReset(first)
	dialRaw(t, address)
	e.accept()
	requireRefused(t, "127.0.0.1", address)
	require.True(t, e.manager.CloseConnection(conns[0]) || e.manager.CloseConnection(conns[1]))
	require.NoError(t, rawToo.Close())
	e.requireNoReset(conns...)
	dialRaw(t, address)
	e.accept()
	assert.Equal(t, Refusals{Connections: 3}, e.manager.Refusals())
	require.NoError(t, e.manager.Close())
	assert.Zero(t, e.manager.admission.total)
}

// A connection that the listener was not there for any more gives its place back.
func TestAdmissionOfWhoWasNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{MaxConnections: 1})
		listener := newPipeListener()
		rendezvous, _ := e.adoptListener(listener)
		synctest.Wait() // Accept is under way, and cannot be woken
		require.True(t, e.listener.RemoveConnection(rendezvous))
		far := listener.Dial(t)
		_, err := far.Read(make([]byte, 1))
		assert.Equal(t, io.EOF, err, "it is not held")
		require.NoError(t, e.listener.AddConnection(rendezvous))
		listener.Dial(t)
		e.accept()
	})
}

func TestMaxAcceptsPerSecond(t *testing.T) {
	e := newEnd(t, &Config{MaxAcceptsPerSecond: 1, RateBurst: 3 * time.Second})
	_, address := e.listen()
	start := time.Now()
	var refused int
	for range 3 {
		raw := dialRaw(t, address)
		conn := e.accept()
		require.NoError(t, raw.Close())
		require.Same(t, conn, e.reset())
	}
	if time.Since(start) < time.Second/2 { // else the machine is too slow to tell
		requireRefused(t, "127.0.0.1", address)
		refused++
	}
	assert.Equal(t, Refusals{AcceptRate: uint64(refused)}, e.manager.Refusals())
}

// An address of IPv6 stands for its /64, which one host has to itself.
func TestAdmissionOfANetwork(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3:5":               "10.1.2.3",
		"[::ffff:10.1.2.3]:5":      "10.1.2.3",
		"[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::",
		"[2001:db8:1:2::]:8":       "2001:db8:1:2::",
		"[2001:db8:1:3::]:8":       "2001:db8:1:3::",
		"[fe80::1%eth0]:9":         "fe80::",
		"[::1]:9":                  "::",
	} {
		assert.Equal(t, want, addressGroup(mustAddress(t, text)).String(), text)
	}
	assert.False(t, addressGroup(NetAddress{}).IsValid())

	var a admission
	config := &Config{MaxConnectionsPerAddress: 1}
	admit := func(text string) bool {
		reason, ok := a.admit(config, mustAddress(t, text))
		assert.True(t, ok || reason == refusedPerAddress)
		return ok
	}
	assert.True(t, admit("[2001:db8:1:2::1]:1"))
	assert.False(t, admit("[2001:db8:1:2:ffff::9]:1"), "the same /64")
	assert.True(t, admit("[2001:db8:1:3::1]:1"))
	assert.True(t, admit("10.0.0.1:1"))
	assert.False(t, admit("10.0.0.1:2"))
	assert.True(t, admit("10.0.0.2:1"))
	for range 10 {
		_, ok := a.admit(config, NetAddress{})
		assert.True(t, ok, "no address")
	}
	a.release(config, mustAddress(t, "[2001:db8:1:2::77]:1"))
	assert.True(t, admit("[2001:db8:1:2:ffff::9]:1"))
}

func TestAdmissionByRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a admission
		config := &Config{MaxAcceptsPerSecond: 5, RateBurst: time.Second}
		in := func(address string) (n int) {
			for range 100 {
				if _, ok := a.admit(config, mustAddress(t, address)); ok {
					n++
					a.release(config, mustAddress(t, address))
				}
			}
			return n
		}
		assert.Equal(t, 5, in("10.0.0.1:1"))
		assert.Equal(t, 5, in("10.0.0.2:1"))
		assert.Equal(t, 0, in("10.0.0.1:2"))
		for range 100 { // across the turns of the table
			time.Sleep(200 * time.Millisecond)
			assert.Equal(t, 1, in("10.0.0.1:1"))
		}
		time.Sleep(600 * time.Millisecond)
		assert.Equal(t, 3, in("10.0.0.1:1"))
		time.Sleep(time.Hour)
		assert.Equal(t, 5, in("10.0.0.1:1"))
		assert.Len(t, a.recent, 1)
	})
}

func TestAdmissionsTableIsBounded(t *testing.T) {
	var a admission
	config := &Config{MaxAcceptsPerSecond: 5, MaxConnectionsPerAddress: 5, RateBurst: time.Hour}
	var ip [16]byte
	most := 0
	for i := range uint64(5 * maxBuckets) {
		binary.BigEndian.PutUint64(ip[:], i+1)
		address := NetAddressFrom(netip.AddrPortFrom(netip.AddrFrom16(ip), 1))
		_, ok := a.admit(config, address)
		require.True(t, ok)
		most = max(most, len(a.recent)+len(a.previous)+len(a.live))
		a.release(config, address)
	}
	assert.Equal(t, 2*maxBuckets+1, most)
	assert.Empty(t, a.live)
	assert.Zero(t, a.total)
}

func TestAdmissionWithoutLimitsHasNoTable(t *testing.T) {
	var a admission
	_, ok := a.admit(new(Config), mustAddress(t, "10.0.0.1:1"))
	assert.True(t, ok)
	assert.Nil(t, a.live)
}

// A records is a handler that keeps what it is told, from Info on.
type records struct {
	mu   sync.Mutex
	got  []string
	hold chan struct{} // if there is one, telling waits for it
}

func (r *records) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (r *records) WithAttrs([]slog.Attr) slog.Handler               { return r }
func (r *records) WithGroup(string) slog.Handler                    { return r }
func (r *records) Handle(_ context.Context, record slog.Record) error {
	if r.hold != nil {
		<-r.hold
	}
	text := record.Level.String() + " " + record.Message
	record.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, text)
	return nil
}

// lines returns what it has been told by now.
func (r *records) lines() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// peerAt returns an address of this machine.
func peerAt(port int) (a NetAddress) {
	_ = a.SetLocalhost(port)
	return a
}

func TestRefusalsAreLoggedOnceABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log records
		e := newEnd(t, &Config{Logger: slog.New(&log)})
		refuse := func(n int) {
			for i := range n {
				e.manager.refused(refusedPerAddress, peerAt(i+1))
			}
		}
		refuse(1)
		const text = "WARN queuednet: connections refused: MaxConnectionsPerAddress "
		assert.Equal(t, []string{text + "count=1 total=1 first=127.0.0.1:1"}, log.lines())
		time.Sleep(quiet - time.Second)
		refuse(1000)
		assert.Empty(t, log.lines())
		e.manager.refused(refusedIdle, peerAt(9))
		assert.Equal(t, []string{"WARN queuednet: connections ended: IdleTimeout count=1 total=1 first=127.0.0.1:9"}, log.lines())
		time.Sleep(3 * quiet)
		assert.Empty(t, log.lines())
		refuse(1)
		assert.Equal(t, []string{text + "count=1001 total=1002 first=127.0.0.1:1"}, log.lines())
		time.Sleep(3 * quiet)
		for range 3*60 - 5 {
			refuse(1)
			time.Sleep(time.Second)
		}
		assert.Len(t, log.lines(), 3, "one a minute")
		require.NoError(t, e.manager.Close())
		assert.Equal(t, Refusals{PerAddress: 1177, Idle: 1}, e.manager.Refusals())
	})
}

func TestALoggerThatHangsHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := records{hold: make(chan struct{})}
		e := newEnd(t, &Config{Logger: slog.New(&log), MaxConnections: 1, CloseTimeout: time.Second})
		listener := newPipeListener()
		e.adoptListener(listener)
		far := listener.Dial(t)
		e.accept()
		for range 10 {
			_, err := listener.Dial(t).Read(make([]byte, 1))
			assert.Error(t, err)
		}
		write(t, far, framed(2, "goes on"))
		assert.Equal(t, "goes on", string(e.next().Message()))
		require.NoError(t, far.Close())
		start := time.Now()
		require.NoError(t, e.manager.Close())
		since(t, start, time.Second)
		close(log.hold)
		assert.Len(t, log.lines(), 1)
	})
}

func TestRefusalsWithoutALoggerAreCounted(t *testing.T) {
	e := newEnd(t, nil)
	e.manager.refused(refusedIdle, peerAt(1))
	assert.False(t, e.manager.refusals[refusedIdle].logging.Load())
	assert.Equal(t, Refusals{Idle: 1}, e.manager.Refusals())
}
