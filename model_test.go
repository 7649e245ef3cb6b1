package queuednet

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	modelSeed     = flag.Uint64("model.seed", 0, "run only the program of this seed")
	modelPrograms = flag.Int("model.programs", 0, "run so many programs of each kind")
)

// TestModel runs random programs against the library and a model of it at the
// same time (see player), in bubbles of synctest: time is virtual, and the
// library's reads and writes take random times.
func TestModel(t *testing.T) {
	runPrograms(t, 100, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, seed, synctest.Wait)
			m.run(func() (*Connection, far, *wire) {
				yields := m.random
				if m.random.IntN(3) == 0 {
					yields = nil
				}
				near, far := newWire([]int{64, 1000, 4 << 10, 1 << 20}[m.random.IntN(4)], yields)
				conn, err := m.manager.AdoptConnection(near)
				require.NoError(t, err)
				return conn, far, near
			})
		})
	})
}

// TestModelEngine is the same with the engine, over a fake poller, and with rendezvous where
// other connections arrive (see host).
func TestModelEngine(t *testing.T) {
	runPrograms(t, 200, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, seed, synctest.Wait)
			m.fake = fakeEngine(t, m.manager, split(m.random))
			m.openHosts()
			m.run(func() (*Connection, far, *wire) {
				near, far := newWire([]int{64, 1000, 4 << 10, 1 << 20}[m.random.IntN(4)], m.random)
				return m.fake.connect(m.manager, near), far, near
			})
		})
	})
}

// TestModelTCP is the same over real sockets with small buffers.
func TestModelTCP(t *testing.T) {
	runPrograms(t, 20, func(t *testing.T, seed uint64) {
		m := newModel(t, seed, nil)
		_, address := m.listen()
		m.run(func() (*Connection, far, *wire) {
			raw := dialRaw(t, address)
			conn := m.accepted()
			require.NoError(t, raw.SetReadBuffer(4<<10))
			require.NoError(t, conn.SetSendBufferSize(4<<10))
			return conn, farTCP{raw}, nil
		})
	})
}

func runPrograms(t *testing.T, count int, run func(t *testing.T, seed uint64)) {
	first := rand.Uint64()
	if *modelPrograms > 0 {
		count = *modelPrograms
	}
	if *modelSeed != 0 {
		first, count = *modelSeed, 1
	}
	done := 0
	defer func() { t.Logf("%d programs, from seed %d on", done, first) }()
	for ; done < count && !t.Failed(); done++ {
		run(t, first+uint64(done))
	}
}

// A model is a program with what it has done.
type model struct {
	*end
	seed    uint64
	random  *rand.Rand
	config  Config
	wait    func()      // until all others wait; nil where nobody knows
	fake    *fakePoller // nil: there is no engine
	readers []*QueuedConnectionReader
	looping map[*QueuedConnectionReader]bool
	players []*player
	hosts   []*host
	log     []string

	mostIdle int // milliseconds in which nothing happens, though something is missing
}

func newModel(t *testing.T, seed uint64, wait func()) *model {
	random := rand.New(rand.NewPCG(seed, 0))
	config := Config{
		TCPHeaderSize:      2 + 2*random.IntN(2),
		MaxReceiveQueue:    []int{1, 100, 5_000, 512 << 10}[random.IntN(4)],
		MaxSendQueue:       []int{50_000, 1 << 20}[random.IntN(2)],
		WriteTimeout:       time.Hour,
		CloseTimeout:       time.Hour,
		CollectTCP:         random.IntN(3) == 0,
		CollectTCPInterval: time.Duration(1+random.IntN(1000)) * time.Microsecond,
		MaxConnections:     3 * random.IntN(2),
		AckTimeout:         -1, // a wire tells nothing of it
	}
	e := newEnd(t, &config)
	return &model{
		end: e, seed: seed, random: random, config: config, wait: wait,
		readers:  []*QueuedConnectionReader{e.reader, NewQueuedConnectionReader(e.manager)},
		looping:  make(map[*QueuedConnectionReader]bool),
		mostIdle: 1000,
	}
}

// run runs the program.
func (m *model) run(connect func() (*Connection, far, *wire)) {
	for i := range 1 + m.random.IntN(3) {
		p := m.newPlayer(i)
		p.conn, p.far, p.wire = connect()
		m.players = append(m.players, p)
		p.add(m.reader)
	}
	for range 10 + m.random.IntN(60) {
		m.step()
		m.yield()
		if m.random.IntN(20) == 0 {
			m.settle()
		}
	}
	m.settle()
	m.finish()
}

// finish ends what is left, one way or the other: the last that was sent arrives.
func (m *model) finish() {
	for _, p := range m.players {
		m.note("%d: the end", p.name)
		switch {
		case m.random.IntN(2) == 0 && p.home != nil && !p.finished:
			p.finished = true
			p.far.CloseWrite()
		case !p.closed && !p.reported:
			p.send(4 + m.random.IntN(100))
			p.close()
		}
		m.yield()
	}
	m.settle()
	for _, p := range m.players {
		p.far.Close()
	}
	start := time.Now()
	err := m.manager.Close()
	if took := time.Since(start); took >= m.config.CloseTimeout {
		m.fail("Close took %v: %v", took, err)
	}
	gaveUp := func(p *player) bool { return p.left || p.wasReset || p.full || p.slow || p.aborted }
	if err != nil && !slices.ContainsFunc(m.players, gaveUp) {
		m.fail("Close: %v", err)
	}
	if n := m.admitted(); n != 0 {
		m.fail("%d places under MaxConnections were not given back", n)
	}
}

// yield lets others run, or time pass, or neither.
func (m *model) yield() {
	switch m.random.IntN(6) {
	case 0:
		runtime.Gosched()
	case 1, 2:
		time.Sleep(time.Duration(m.random.IntN(100)) * time.Microsecond)
	case 3:
		if m.wait != nil {
			m.wait()
		}
	case 4:
		m.waitForReaders(time.Duration(m.random.IntN(100)) * time.Microsecond)
	}
}

// waitForReaders waits as a loop does, which may carry the streams meanwhile.
func (m *model) waitForReaders(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := m.manager.WaitForReaders(ctx); err != nil && err != context.DeadlineExceeded {
		m.fail("WaitForReaders: %v", err)
	}
}

// settle takes everything until nothing is missing: nobody has forgotten anything.
func (m *model) settle() {
	m.note("settle")
	m.endTroubles()
	progress, idle, since := 0, 0, time.Now()
	for idle < m.mostIdle || m.wait == nil && time.Since(since) < patience { // real sockets may be slow
		for _, p := range m.players {
			p.read(64 << 10)
		}
		m.takeAll()
		for _, r := range m.readers {
			m.drainAll(r)
		}
		m.reports()
		m.log = slices.DeleteFunc(m.log, func(s string) bool { return strings.HasPrefix(s, "drain reader") || s == "reports" })
		time.Sleep(time.Millisecond)
		if m.wait != nil {
			m.wait()
		}
		if m.missing() == "" {
			return
		}
		idle++
		if now := m.progress(); now != progress {
			progress, idle, since = now, 0, time.Now()
		}
	}
	m.fail("missing: %s", m.missing())
}

// progress grows with everything that happens.
func (m *model) progress() (n int) {
	for _, p := range m.players {
		n += p.received + p.count
	}
	return n + len(m.players)
}

// missing says what has not happened yet.
func (m *model) missing() string {
	for _, p := range m.players {
		what := p.missing()
		if what == "" && m.fake != nil && m.fake.awaitsRoom(p.conn) && !p.conn.stream.out.isBlocked() {
			what = "that nothing waits for room"
		}
		if what != "" {
			return fmt.Sprintf("%s of player %d", what, p.name)
		}
	}
	for _, h := range m.hosts {
		if what := h.missing(); what != "" {
			return fmt.Sprintf("%s of host %d", what, h.name)
		}
	}
	if len(m.hosts) > 0 {
		if what := m.missingPlaces(); what != "" {
			return what
		}
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if err := m.manager.WaitForReaders(done); err == nil {
		return "that the queues are empty"
	} else if err == net.ErrClosed {
		return "an open manager"
	}
	return ""
}

func (m *model) note(format string, values ...any) {
	m.log = append(m.log, fmt.Sprintf(format, values...))
}

func (m *model) fail(format string, values ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nseed %d, %+v, after\n  %s", fmt.Sprintf(format, values...), m.seed, m.config, strings.Join(m.log, "\n  "))
}
