package queuednettest_test

import (
	"context"
	"net"
	"time"

	"github.com/queuednet/queuednet"
)

const (
	frame   = time.Second / 60
	silence = 3 * time.Second        // without a snapshot a connection is given up
	behind  = 200 * time.Millisecond // how long ago is what is shown of the others

	firstPause, longestPause = time.Second, 8 * time.Second // before connecting again
)

// A gameClient shows the world and steers a ship. It connects again when the
// connection is lost, and not when it was refused.
type gameClient struct {
	dial    func(context.Context) (net.Conn, error)
	name    string
	manager *queuednet.QueuedConnectionManager
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter

	conn    *queuednet.Connection        // nil: there is none
	pending *queuednet.PendingConnection // nil: none is being opened
	again   time.Time                    // when to try next
	pause   time.Duration                // before that
	heard   time.Time                    // when the last snapshot came
	tracks  map[string]*track
	refused string // why the server does not want this player
}

func newGameClient(name string, dial func(context.Context) (net.Conn, error), config *queuednet.Config) *gameClient {
	manager := queuednet.NewQueuedConnectionManager(config)
	return &gameClient{
		dial:    dial,
		name:    name,
		manager: manager,
		reader:  queuednet.NewQueuedConnectionReader(manager),
		writer:  queuednet.NewConnectionWriter(manager),
		tracks:  make(map[string]*track),
	}
}

// update is one frame.
func (c *gameClient) update() {
	c.connect()
	for datagram := range c.reader.Datagrams() {
		if datagram.Connection() == c.conn {
			c.handle(datagram)
		}
	}
	for conn := range c.manager.ResetConnections() {
		if conn == c.conn {
			c.lose()
		}
	}
	if c.conn != nil && time.Since(c.heard) > silence {
		c.conn.Abort()
		c.lose()
	}
}

// connect goes on with what it takes to have a connection.
func (c *gameClient) connect() {
	switch {
	case c.conn != nil || c.refused != "":
	case c.pending == nil && !time.Now().Before(c.again):
		c.pending = c.manager.BeginClientConnection(c.dial, silence)
	case c.pending != nil && c.pending.Ready():
		conn, err := c.pending.Result()
		c.pending = nil
		if err == nil {
			err = c.reader.AddConnection(conn)
		}
		if err != nil {
			c.lose()
			return
		}
		c.conn, c.heard = conn, time.Now()
		var hello queuednet.Datagram
		hello.AddUint8(kindHello)
		hello.AddUint32(magic)
		hello.AddUint16(version)
		hello.AddString(c.name)
		_ = c.writer.Send(&hello, conn) // an end comes as one
	}
}

// lose waits before the next try, each time twice as long.
func (c *gameClient) lose() {
	c.conn = nil
	c.pause = min(max(2*c.pause, firstPause), longestPause)
	c.again = time.Now().Add(c.pause)
}

func (c *gameClient) handle(datagram *queuednet.NetDatagram) {
	it := datagram.Iterator()
	switch it.GetUint8() {
	case kindRefused:
		c.refused = it.GetString()
	case kindSnapshot:
		c.heard, c.pause = time.Now(), 0
		at := time.Duration(it.GetUint32()) * time.Millisecond
		for range it.GetUint16() {
			name, place := it.GetString(), it.GetFloat64()
			if c.tracks[name] == nil {
				c.tracks[name] = new(track)
			}
			c.tracks[name].add(at, place, time.Now())
		}
	}
}

// steer sets the speed of the own ship.
func (c *gameClient) steer(speed float64) {
	var datagram queuednet.Datagram
	datagram.AddUint8(kindSpeed)
	datagram.AddFloat64(speed)
	if c.conn != nil {
		_ = c.writer.Send(&datagram, c.conn) // an end comes as one
	}
}

// A track is where a ship was, by the server's time. It shows the ship a little
// while ago, so that two places are known between which it is.
type track struct {
	places []placed
	ahead  time.Duration // of the server's time to the clock here, by the fastest that came
	start  time.Time
}

type placed struct {
	at    time.Duration
	place float64
}

// add takes what came in, in any order: over UDP it may be twice, late, or never.
func (t *track) add(at time.Duration, place float64, now time.Time) {
	if t.start.IsZero() {
		t.start, t.ahead = now, at
	}
	t.ahead = max(t.ahead, at-now.Sub(t.start))
	i := len(t.places)
	for i > 0 && t.places[i-1].at >= at {
		i--
	}
	if i < len(t.places) && t.places[i].at == at {
		return
	}
	t.places = append(t.places, placed{})
	copy(t.places[i+1:], t.places[i:])
	t.places[i] = placed{at, place}
	if len(t.places) > 20 {
		t.places = t.places[1:]
	}
}

// shown returns where the ship is to be drawn: between two places, or at the last
// one, if no more have come in time.
func (t *track) shown(now time.Time) float64 {
	at := now.Sub(t.start) + t.ahead - behind
	for i := len(t.places) - 1; i >= 0; i-- {
		before := t.places[i]
		if before.at > at {
			continue
		}
		if i == len(t.places)-1 {
			return before.place
		}
		after := t.places[i+1]
		return before.place + (after.place-before.place)*float64(at-before.at)/float64(after.at-before.at)
	}
	return t.places[0].place
}
