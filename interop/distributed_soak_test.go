package interop_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
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
	}
	want := 2 * *soakCount * 2
	var before distributed.Stats
	for deadline, still := time.Now().Add(patience), 0; still < 5; time.Sleep(200 * time.Millisecond) {
		if !time.Now().Before(deadline) {
			s.logClients()
			require.Fail(s.t, "never at rest", "%d clients: %+v", want, before)
		}
		var stats distributed.Stats
		s.onServer(func() { stats = s.server.Stats() })
		still++
		if stats.Received != before.Received || stats.Sent != before.Sent || stats.Clients != want {
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

// rubbish connects again and again, and sends messages that are wrong in any way.
func (s *soak) rubbish(ctx context.Context, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	types := []uint16{120, 9001, 9002, 9003, 9004, 9005, 9006, 9007, 9009, 9010, 9011, 0, 65535}
	le := binary.LittleEndian
	for ctx.Err() == nil {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
		if err != nil {
			s.trouble.add("rubbish: %v", err)
			return
		}
		var hello [12]byte
		_, _ = conn.Read(hello[:])
		base := le.Uint32(hello[4:])
		for range 200 {
			if random.IntN(20) == 0 { // an object, and fields of it of which some unpack
				p := le.AppendUint32(le.AppendUint16(nil, 9002), soakZone())
				p = append(le.AppendUint32(le.AppendUint16(p, 6), base), "\x03\x00bad\x00\x00"...)
				q := le.AppendUint16(le.AppendUint32(le.AppendUint16(nil, 120), base), uint16(45+random.IntN(12)))
				q = append(q, []string{"", "\x01", "\x02\x00\xff\xfe", "\x01\x00\x00\x00\x00\x00", "\x09\x00short"}[random.IntN(5)]...)
				for _, p := range [][]byte{p, q} {
					_, _ = conn.Write(append(le.AppendUint16(nil, uint16(len(p))), p...))
				}
			}
			p := le.AppendUint16(nil, types[random.IntN(len(types))])
			for range random.IntN(8) { // ids, zones, classes, fields and lengths that are near to good ones
				p = le.AppendUint32(p, []uint32{base, base + 1, 1, 1_000_001, random.Uint32N(50), random.Uint32()}[random.IntN(6)])
			}
			p = p[:random.IntN(len(p)+1)]
			if len(p) > 2 && random.IntN(2) == 0 {
				p[random.IntN(len(p))] = byte(random.Uint32())
			}
			if _, err := conn.Write(append(le.AppendUint16(nil, uint16(len(p))), p...)); err != nil {
				break // it was thrown out, or it said that it leaves
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(random.IntN(1000)) * time.Millisecond):
		}
		conn.Close()
	}
}

// deaf sees everything and reads nothing.
func (s *soak) deaf(ctx context.Context) {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
	if err != nil {
		s.trouble.add("deaf: %v", err)
		return
	}
	defer conn.Close()
	le := binary.LittleEndian
	p := le.AppendUint16(le.AppendUint16(nil, 2+4*soakZones), 9009)
	for zone := range uint32(soakZones) {
		p = le.AppendUint32(p, zone+1)
	}
	_, _ = conn.Write(p)
	<-ctx.Done()
}

// A soakGoGroup is some Go clients in one goroutine.
type soakGoGroup struct {
	s       *soak
	clients []*soakClient
	resting bool
	calls   chan func()
	ended   chan bool
}

// A soakClient is a client in Go, or an AI.
type soakClient struct {
	s     *soak
	r     *distributed.ClientRepository
	mine  []*soakThing
	leave bool // it has disconnected, and is to connect again
}

type soakThing struct {
	distributed.DistributedObject
	client      *soakClient
	heard, said int
}

// Say takes the next number.
func (o *soakThing) Say(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil // from one who sends rubbish, and this could be unpacked
	}
	if o.heard != 0 && n != o.heard+1 {
		o.client.s.trouble.add("Go: %d heard %d of %d after %d", o.client.r.DoIDBase(), n, o.DoID(), o.heard)
	}
	o.heard = n
	o.client.s.heard.Add(1)
	return nil
}

// Ask answers.
func (o *soakThing) Ask(what uint16) error {
	return o.SendUpdateTo(o.Repository().AvatarIDFromSender(), "answer", what, fmt.Sprint(what))
}

// Answer takes an answer.
func (o *soakThing) Answer(what uint16, text string) error {
	if text != fmt.Sprint(what) {
		return fmt.Errorf("%d answers %q to %d", o.DoID(), text, what)
	}
	return nil
}

func (s *soak) newGroup(n int) *soakGoGroup {
	g := &soakGoGroup{s: s, calls: make(chan func()), ended: make(chan bool)}
	for range n {
		c := &soakClient{s: s}
		var err error
		c.r, err = distributed.NewClientRepository(nil, s.file)
		require.NoError(s.t, err)
		require.NoError(s.t, c.r.Register("Thing", func() distributed.Object { return &soakThing{client: c} }))
		require.NoError(s.t, c.r.Connect("127.0.0.1", s.port, patience))
		g.clients = append(g.clients, c)
	}
	return g
}

func (g *soakGoGroup) start() {
	go func() {
		defer close(g.ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		due := time.Now()
		for {
			select {
			case <-tick.C:
				for _, c := range g.clients {
					c.update()
				}
				for ; time.Now().After(due) && !g.resting; due = due.Add(time.Duration(float64(time.Second) / (*soakRate * float64(len(g.clients))))) {
					g.clients[rand.IntN(len(g.clients))].act()
				}
			case f, ok := <-g.calls:
				if !ok {
					return
				}
				f()
			}
		}
	}()
}

// call calls a function on the group's goroutine.
func (g *soakGoGroup) call(f func()) {
	done := make(chan bool)
	g.calls <- func() { f(); close(done) }
	<-done
}

func (g *soakGoGroup) end() {
	close(g.calls)
	<-g.ended
	for _, c := range g.clients {
		_ = c.r.Close()
	}
}

// update is a frame. What must not happen is noted.
func (c *soakClient) update() {
	c.r.Update()
	for e := range c.r.Events() {
		if e.Err != nil {
			c.s.trouble.add("Go: client %d: %v", c.r.DoIDBase(), e.Err)
		}
	}
	if c.leave {
		c.leave = false
		c.must(c.r.Connect("127.0.0.1", c.s.port, patience))
	}
}

func (c *soakClient) must(err error) {
	if err != nil {
		c.s.trouble.add("Go: client %d: %v", c.r.DoIDBase(), err)
	}
}

func soakZone() uint32 { return 1 + rand.Uint32N(soakZones) }

// act does something at random.
func (c *soakClient) act() {
	if !c.r.HaveCreateAuthority() {
		return
	}
	c.mine = slices.DeleteFunc(c.mine, func(o *soakThing) bool { return o.Repository() == nil })
	var mine *soakThing
	if len(c.mine) > 0 {
		mine = c.mine[rand.IntN(len(c.mine))]
	}
	switch what := rand.Float64(); {
	case what < 0.05 && len(c.mine) < 3:
		o := &soakThing{client: c}
		c.must(c.r.CreateDistributedObject(o, soakZone()))
		c.mine = append(c.mine, o)
	case what < 0.08 && mine != nil:
		c.must(c.r.SendDelete(mine))
		c.mine = slices.DeleteFunc(c.mine, func(o *soakThing) bool { return o == mine })
	case what < 0.12:
		zones := make([]uint32, rand.IntN(5))
		for i := range zones {
			zones[i] = soakZone()
		}
		c.must(c.r.SetInterestZones(zones...))
	case what < 0.16 && mine != nil:
		c.must(c.r.SetObjectZone(mine, soakZone()))
	case what < 0.165:
		c.r.Disconnect()
		c.mine, c.leave = nil, true
	case what < 0.28:
		for _, o := range c.r.Objects() {
			c.must(o.(*soakThing).SendUpdate([]string{"ask", "poke"}[rand.IntN(2)], rand.IntN(256)))
			break
		}
	case mine != nil:
		mine.said++
		c.must(mine.SendUpdate("say", fmt.Sprint(mine.said)))
		c.must(mine.SendUpdate("setAB", float64(mine.said%100), 0.5))
	}
}
