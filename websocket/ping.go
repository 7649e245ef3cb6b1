//go:build !js

package websocket

import (
	"context"
	"sync"
	"time"

	"github.com/queuednet/queuednet"
)

// A pinger asks the peer of a connection at intervals whether it is still there.
// Anything that arrives is an answer. Only time in which the connection waits for the
// peer counts, so a slow program ends nothing.
//
// Between two questions there is no goroutine, only a timer; stop and wait end
// both.
type pinger struct {
	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	late    bool // the peer was late when it was looked at last
	asking  sync.WaitGroup
}

// lastLook is how much longer a late peer is given, because it may have been this
// process that did not run.
const lastLook = time.Second

func (p *pinger) start(c *conn) {
	if c.ping > 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.timer = time.AfterFunc(c.ping, func() { p.ask(c) })
	}
}

// stop ends the questions.
func (p *pinger) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.timer != nil {
		p.timer.Stop()
	}
}

// wait waits for a question that is under way. The WebSocket is closed.
func (p *pinger) wait() { p.asking.Wait() }

// ask looks whether the peer is late, and asks it.
func (p *pinger) ask(c *conn) {
	if p.next(c, c.transport.silence() > 2*c.ping) {
		c.fail(queuednet.ErrNoAnswer)
		c.transport.reset()
	}
}

// next asks, unless the peer is late. It reports whether the peer is late for the
// second time.
func (p *pinger) next(c *conn, late bool) (dead bool) {
	p.mu.Lock()
	dead = late && p.late
	p.late = late
	switch {
	case p.stopped || dead:
		dead = dead && !p.stopped
		p.mu.Unlock()
		return dead
	case late:
		p.timer.Reset(min(c.ping, lastLook))
	default:
		p.timer.Reset(c.ping)
	}
	p.asking.Add(1)
	p.mu.Unlock()
	defer p.asking.Done()
	ctx, cancel := context.WithTimeout(context.Background(), c.ping)
	defer cancel()
	c.ws.Ping(ctx)
	return false
}
