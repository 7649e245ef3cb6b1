package queuednet

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// An event tells the Logger that a connection was made, or has ended.
type event struct {
	conn   *Connection
	at     time.Time
	reason error // of the end; nil: it was made
}

// eventLog holds the events that are not yet logged. A goroutine that lives while there
// are any logs them, because the program's handler may wait. Whoever makes an event only
// appends it, and calls nothing of the program's.
type eventLog struct {
	mu      sync.Mutex
	queued  []event
	lost    int           // those beyond maxEvents
	running bool          // the goroutine
	until   time.Duration // since manager.began: no event is wanted before
}

const (
	maxEvents = 1000

	// A Logger that does not want events is asked again after noEvents: its level
	// may change.
	noEvents = time.Second
)

// happened queues an event for the Logger. It does not wait.
func (m *QueuedConnectionManager) happened(c *Connection, reason error) {
	if m.config.Logger == nil {
		return
	}
	l := &m.events
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.until != 0 && m.elapsed() < l.until:
		return
	case len(l.queued) == maxEvents:
		l.lost++
		return
	}
	l.queued = append(l.queued, event{c, time.Now(), reason})
	if !l.running {
		l.running = true
		m.logs.Add(1) // before Close, which ends all connections first, waits for it
		go func() {
			defer m.logs.Done()
			m.logEvents()
		}()
	}
}

// logEvents logs what is queued, until nothing is.
func (m *QueuedConnectionManager) logEvents() {
	ctx, logger := context.Background(), m.config.Logger
	for {
		events, lost := m.takeEvents(logger.Enabled(ctx, slog.LevelDebug))
		if events == nil {
			return
		}
		for _, e := range events {
			_ = logger.Handler().Handle(ctx, e.record())
		}
		if lost > 0 {
			logger.Debug("queuednet: connections opened or ended that are not logged", "count", lost)
		}
	}
}

// takeEvents takes out what is queued. If there is nothing, or if the Logger does not
// want it, it returns no events, and logEvents ends.
func (m *QueuedConnectionManager) takeEvents(wanted bool) (events []event, lost int) {
	l := &m.events
	l.mu.Lock()
	defer l.mu.Unlock()
	events, lost = l.queued, l.lost
	l.queued, l.lost, l.until = nil, 0, 0
	if !wanted {
		l.until = m.elapsed() + noEvents
		events = nil
	}
	l.running = events != nil
	return events, lost
}

// record returns what the handler gets. It is made late, because a socket may only now
// have learned its address.
func (e *event) record() slog.Record {
	c, text := e.conn, "queuednet: connection opened"
	if e.reason != nil {
		text = "queuednet: connection ended"
	}
	r := slog.NewRecord(e.at, slog.LevelDebug, text, 0)
	r.AddAttrs(slog.String("address", c.Address().String()), slog.String("kind", c.kind()))
	if e.reason != nil {
		opened := c.manager.clocks.began.Add(c.opened)
		r.AddAttrs(slog.Any("reason", e.reason), slog.Duration("age", e.at.Sub(opened)))
	} else if c.rendezvous != nil {
		r.AddAttrs(slog.String("rendezvous", c.rendezvous.Address().String()))
	}
	return r
}

// awaitLogs waits for the goroutines that log, until the limit: the program's
// handler may hold them up.
func (m *QueuedConnectionManager) awaitLogs(limit time.Time) {
	if m.config.Logger == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		m.logs.Wait()
		close(done)
	}()
	timer := time.NewTimer(time.Until(limit))
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
