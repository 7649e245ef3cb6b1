package interop_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/queuednet/queuednet/distributed"
	"github.com/stretchr/testify/require"
)

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
