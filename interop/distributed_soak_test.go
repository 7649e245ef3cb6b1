package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// The soak is long with
//
//	go test -run TestPanda3DDistributedSoak -timeout 0 -v ./interop -soak 10m -soakers 50
var (
	soakTime  = flag.Duration("soak", 5*time.Second, "how long the soak of distributed objects lasts")
	soakCount = flag.Int("soakers", 10, "clients of each kind in it: of Go, of Panda3D, and AIs of both")
	soakRate  = flag.Float64("soakrate", 2, "actions a second of each; Panda3D's clients must have the processor time to keep up")
)

const (
	soakZones = 20
	soakGroup = 10 // clients in one goroutine or in one process of Python
)

// TestPanda3DDistributedSoak has clients and AIs in Go and of direct.distributed on the Go
// server, all of them busy at random, beside clients that send rubbish, one that reads
// nothing, and a process that is killed and started again. Nobody may lose a message of an
// object that it sees, all must see what there is in the end, and nothing may be left when
// they have gone.
func TestPanda3DDistributedSoak(t *testing.T) {
	python := findPanda3D(t)
	file, err := dc.ParseFiles(directDC(t, python), "distributed.dc")
	require.NoError(t, err)
	s := newSoak(t, python, file)
	s.start()
	s.last(*soakTime)
	s.rest()
	s.compare()
	s.end()
}

// A soak is all who take part. The server belongs to its goroutine, a group to its own.
type soak struct {
	t       *testing.T
	python  string
	file    *dc.File
	server  *distributed.ServerRepository
	do      chan func()    // for the server's goroutine
	left    map[string]int // why clients have left: of that goroutine
	port    int
	groups  []*soakGoGroup
	pandas  []*program // the first one is killed now and then
	killed  *program   // the one that is
	bad     sync.WaitGroup
	stopBad context.CancelFunc
	heard   atomic.Int64
	trouble soakTrouble
}

// soakTrouble collects what went wrong.
type soakTrouble struct {
	mu  sync.Mutex
	all []string
}

func (p *soakTrouble) add(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, fmt.Sprintf(format, args...))
}

func (p *soakTrouble) require(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Empty(t, p.all[:min(len(p.all), 10)], "%d in all", len(p.all))
}

func newSoak(t *testing.T, python string, file *dc.File) *soak {
	s := &soak{t: t, python: python, file: file, do: make(chan func()), left: make(map[string]int)}
	var err error
	// On a busy machine programs in Python may read nothing for longer than the default
	// allows; here they are to stay. Who never reads ends by MaxSendQueue.
	network := &queuednet.Config{AckTimeout: 10 * time.Minute, MaxDatagramsPerSecond: 20_000}
	s.server, err = distributed.NewServerRepository(&distributed.ServerConfig{Net: network}, file)
	require.NoError(t, err)
	rendezvous, err := s.server.OpenTCPServerRendezvous(0, 0)
	require.NoError(t, err)
	s.port = rendezvous.LocalAddress().Port()
	ended := make(chan bool)
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.server.Update()
				for e := range s.server.Events() {
					if e.Kind == distributed.ClientLeft {
						s.left[soakReason(e.Err)]++
					}
				}
			case f, ok := <-s.do:
				if !ok {
					return
				}
				f()
			}
		}
	}()
	t.Cleanup(func() {
		close(s.do)
		<-ended
		_ = s.server.Close() // some clients do not take what is sent to them
	})
	return s
}

// soakReason names why a client left, without addresses.
func soakReason(err error) string {
	for _, reason := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, distributed.ErrDisconnected, queuednet.ErrNoAnswer, queuednet.ErrWriteTimeout,
		queuednet.ErrSendQueueFull} {
		if errors.Is(err, reason) {
			return reason.Error()
		}
	}
	return err.Error()
}

// onServer calls a function on the server's goroutine.
func (s *soak) onServer(f func()) {
	done := make(chan bool)
	s.do <- func() { f(); close(done) }
	<-done
}

func (s *soak) start() {
	s.killed = s.startPanda("client", min(soakGroup, *soakCount))
	for rest := *soakCount; rest > 0; rest -= soakGroup {
		n := min(rest, soakGroup)
		for _, role := range []string{"client", "AI"} {
			p := s.startPanda(role, n) // one after another: a busy machine is slow at it
			s.await(p, "ready")
			s.pandas = append(s.pandas, p)
		}
		s.groups = append(s.groups, s.newGroup(n), s.newGroup(n)) // an AI in Go is a client
	}
	for _, g := range s.groups {
		g.start()
	}
	ctx, stop := context.WithCancel(s.t.Context())
	s.stopBad = stop
	for i := range 5 {
		s.bad.Go(func() { s.rubbish(ctx, uint64(i)) })
	}
	s.bad.Go(func() { s.deaf(ctx) })
}

func (s *soak) startPanda(role string, n int) *program {
	return start(s.t, s.python, "distributed_soak.py", role, strconv.Itoa(s.port), strconv.Itoa(n), fmt.Sprint(*soakRate))
}

// last lets it go on for a time.
func (s *soak) last(d time.Duration) {
	for deadline := time.Now().Add(d); time.Now().Before(deadline); {
		time.Sleep(min(time.Until(deadline), time.Minute))
		s.killed.kill()
		<-s.killed.ended
		s.killed = s.startPanda("client", min(soakGroup, *soakCount))
		s.trouble.require(s.t)
		var stats distributed.Stats
		s.onServer(func() { stats = s.server.Stats() })
		var left string
		s.onServer(func() { left = fmt.Sprint(s.left) })
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		s.t.Logf("%d clients, %d objects, %d received, %d sent, %d heard in Go, heap %d KiB, %d goroutines; left: %s", stats.Clients, stats.Objects,
			stats.Received, stats.Sent, s.heard.Load(), memory.HeapInuse>>10, runtime.NumGoroutine(), left)
	}
	s.killed.kill()
	<-s.killed.ended
}

// await reads what a program prints until an event, and calls views for what it sees.
func (s *soak) await(p *program, event string, views ...func(base uint32, sees []uint32)) {
	s.t.Helper()
	for {
		line, ok := p.line(event)
		if !ok {
			p.fail("ended; %q was awaited", event)
		}
		var e struct {
			Event, Text string
			Base        uint32
			Sees        []uint32
		}
		if json.Unmarshal([]byte(line), &e) != nil {
			continue
		}
		switch e.Event {
		case "problem":
			s.trouble.add("Panda3D: %s", e.Text)
		case "view":
			views[0](e.Base, e.Sees)
		case event:
			return
		}
	}
}

// tell writes a line to the program.
func (p *program) tell(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.stdin, line); err != nil {
		p.fail("%q: %v", line, err)
	}
}

// rest lets all come to rest: what has been sent has arrived.
func (s *soak) rest() {
	s.stopBad()
	s.bad.Wait()
	for _, g := range s.groups {
		g.call(func() { g.resting = true })
	}
	for _, p := range s.pandas {
		p.tell("rest")
		s.await(p, "resting")
	}
	want := 2 * *soakCount * 2
	var before distributed.Stats
	for deadline, still := time.Now().Add(patience), 0; still < 5; time.Sleep(200 * time.Millisecond) {
		if !time.Now().Before(deadline) {
			s.logClients()
			require.Fail(s.t, "never at rest", "%d clients: %+v", want, before)
		}
		var stats distributed.Stats
		pending := 0
		s.onServer(func() {
			stats = s.server.Stats()
			for c := range s.server.Clients() {
				pending += c.Connection().Stats().SendQueueBytes
			}
		})
		still++
		if stats.Received != before.Received || stats.Sent != before.Sent || stats.Clients != want || pending > 0 {
			still = 0
		}
		before = stats
	}
}

// logClients says who is there that nobody here is.
func (s *soak) logClients() {
	known := make(map[uint32]bool)
	for _, g := range s.groups {
		g.call(func() {
			for _, c := range g.clients {
				known[c.r.DoIDBase()] = true
			}
		})
	}
	s.onServer(func() {
		s.t.Logf("left: %v", s.left)
		for c := range s.server.Clients() {
			if !known[c.DoIDBase()] {
				s.t.Logf("client %d: %v, zones %v, objects %v", c.DoIDBase(), c.Connection(), c.Zones(), c.Objects())
			}
		}
	})
}

// compare requires that all see what is in the zones that they have open.
func (s *soak) compare() {
	want := make(map[uint32][]uint32)
	s.onServer(func() {
		byZone := make(map[uint32][]uint32)
		for o := range s.server.Objects() {
			byZone[o.Zone] = append(byZone[o.Zone], o.DoID)
		}
		for c := range s.server.Clients() {
			sees := []uint32{}
			for _, zone := range c.Zones() {
				sees = append(sees, byZone[zone]...)
			}
			slices.Sort(sees)
			want[c.DoIDBase()] = sees
		}
	})
	check := func(base uint32, sees []uint32) {
		if !slices.Equal(want[base], sees) {
			s.trouble.add("client %d sees %v, not %v", base, sees, want[base])
		}
		delete(want, base)
	}
	for _, g := range s.groups {
		g.call(func() {
			for _, c := range g.clients {
				sees := []uint32{}
				for id := range c.r.Objects() {
					sees = append(sees, id)
				}
				slices.Sort(sees)
				check(c.r.DoIDBase(), sees)
			}
		})
	}
	for _, p := range s.pandas {
		p.tell("report")
		s.await(p, "report", check)
	}
	s.trouble.require(s.t)
	require.Empty(s.t, want)
	require.Positive(s.t, s.heard.Load())
}

// end lets all go. Nothing is left.
func (s *soak) end() {
	for _, p := range s.pandas {
		p.kill()
	}
	for _, g := range s.groups {
		g.end()
	}
	var stats distributed.Stats
	for deadline := time.Now().Add(patience); stats.Clients > 0 || stats.Received == 0; time.Sleep(10 * time.Millisecond) {
		require.True(s.t, time.Now().Before(deadline), "still there: %+v", stats)
		s.onServer(func() { stats = s.server.Stats() })
	}
	require.Zero(s.t, stats.Objects+stats.Zones)
	s.t.Logf("%+v", stats)
}
