package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/queuednet/queuednet"
)

// A client tells the server where it is, and is told where everybody is.
type client struct {
	game  *game
	role  role
	start time.Time // of its frames
	phase phase

	manager *queuednet.QueuedConnectionManager
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
	conn    *queuednet.Connection

	id      int                // as the server knows it; -1 until it has said
	states  sequence           // of the server's
	message queuednet.Datagram // built anew each time, in the same memory
	number  uint32             // of the last message
	flood   <-chan uint32      // the number that it has when the flood is over

	// What the demo wants to know.
	watch      stopwatch
	late       []time.Duration // that its frames began
	unanswered []time.Time     // when the messages were sent that no state has answered yet
	answered   uint32          // the number of the last one that has been
	calm       []time.Duration
	flooded    []time.Duration // round trips since the flood began
}

// A phase is what a client is at.
type phase int

const (
	playing  phase = iota
	silent         // a misfit sends nothing more, and waits for the last answer
	lurking        // a misfit has done what it does, and waits for its end
	deaf           // the same, but it does not read, so it will not notice
	flooding       // a goroutine sends
	leaving        // it has said so, and waits for what is still on its way to it
	done           // all of it has come
)

// newClients makes the clients. Their frames, and the server's, are spread over a
// sixtieth of a second, as chance would spread them over a network.
func newClients(g *game) []*client {
	clients := make([]*client, g.clients)
	for i := range clients {
		manager := queuednet.NewQueuedConnectionManager(nil)
		clients[i] = &client{
			game:    g,
			role:    g.role(i),
			start:   g.start.Add(time.Duration(i+1) * frame / time.Duration(g.clients+1)),
			manager: manager,
			reader:  queuednet.NewQueuedConnectionReader(manager),
			writer:  queuednet.NewConnectionWriter(manager),
			id:      -1,
		}
	}
	return clients
}

// run is the whole life of a client.
func (c *client) run(ctx context.Context) error {
	// Close waits until the last word has arrived.
	err := errors.Join(c.play(ctx), c.manager.Close())
	if err != nil {
		return fmt.Errorf("a client that %s: %w", c.role.name, err)
	}
	return nil
}

// play connects and is the client's loop.
func (c *client) play(ctx context.Context) (err error) {
	c.conn, err = c.manager.OpenTCPClientConnection("127.0.0.1", c.game.port, 3*time.Second)
	if err != nil {
		return err
	}
	if err := c.reader.AddConnection(c.conn); err != nil {
		return err
	}
	if c.role.prepare != nil {
		c.role.prepare(c)
	}
	for late := range frames(ctx, c.start) {
		c.late = append(c.late, late)
		if over, err := c.frame(); over || err != nil {
			return err
		}
	}
	return nil
}

// frame takes what has come and says what there is to say. It reports whether the
// client's life is over. What the stopwatch measures is said at the server's.
func (c *client) frame() (over bool, err error) {
	defer c.watch.endFrame()
	before := c.states.taken
	c.watch.start()
	for datagram := range c.reader.Datagrams() {
		c.receive(datagram)
	}
	for range c.manager.ResetConnections() {
		over = true
	}
	c.watch.stop()
	c.game.atClients.Add(int64(c.states.taken - before))
	if over {
		return true, nil
	}
	return c.act()
}

// act is what a client does of its own accord, once a frame.
func (c *client) act() (over bool, err error) {
	isTime := false // to leave
	select {
	case <-c.game.leave:
		isTime = true
	default:
	}
	switch c.phase {
	case playing:
		switch {
		case c.role.act != nil && time.Since(c.game.start) >= c.role.after(c.game.duration):
			c.phase = silent
		case isTime:
			c.sayLeave()
		default:
			c.sayPosition()
		}
	case silent:
		// All that it has sent has arrived then, and its socket is idle. The demo
		// knows exactly what the server must have.
		if len(c.unanswered) == 0 {
			return false, c.role.act(c)
		}
	case deaf:
		if isTime {
			// To close properly it would have to read, and to wait for what the
			// server's system still tries to send.
			return true, c.conn.NetConn().Close()
		}
	case flooding:
		select {
		case c.number = <-c.flood:
			c.sayLeave()
		default:
		}
	case done:
		c.say(lastWord)
		c.watch.start()
		c.manager.CloseConnection(c.conn)
		c.watch.stop()
		return true, nil
	}
	return false, nil
}

// sayPosition tells where the client is: on its way round a circle.
func (c *client) sayPosition() {
	angle := float64(c.number) / 60
	c.number++
	begin(&c.message, position, c.number)
	c.message.AddFloat32(float32(10 * math.Cos(angle)))
	c.message.AddFloat32(float32(10 * math.Sin(angle)))
	c.message.AddFloat32(0)
	c.unanswered = append(c.unanswered, time.Now())
	c.send()
}

func (c *client) sayLeave() {
	c.say(leave)
	c.phase = leaving
}

// say sends a message that is nothing but its kind.
func (c *client) say(kind uint8) {
	c.number++
	begin(&c.message, kind, c.number)
	c.send()
}

func (c *client) send() {
	c.watch.start()
	// It fails only where the connection has ended, which frame is told.
	_ = c.writer.Send(&c.message, c.conn)
	c.watch.stop()
}

func (c *client) receive(datagram *queuednet.NetDatagram) {
	message := datagram.Iterator()
	switch message.GetUint8() {
	case welcome:
		c.id = int(message.GetUint16())
		c.states.last = message.GetUint32()
	case state:
		c.states.take(message.GetUint32())
		for range message.GetUint16() {
			id, number := message.GetUint16(), message.GetUint32()
			message.SkipBytes(3 * 4) // where that player is; we have no picture to draw
			if int(id) == c.id {
				c.hasAnswered(number)
			}
		}
	case goodbye:
		c.states.sent(message.GetUint32())
		c.phase = done
	default:
		c.states.wrong++
	}
	if message.Err() != nil {
		c.states.wrong++
	}
}

// hasAnswered takes the time of the messages up to a number. A round trip is what
// a player notices: from the send until the frame in which the answer is taken. It
// is a whole frame at least, and more only if the answer comes too late for that.
func (c *client) hasAnswered(number uint32) {
	for ; c.answered < number && len(c.unanswered) > 0; c.answered++ {
		took := time.Since(c.unanswered[0])
		c.unanswered = c.unanswered[1:]
		if c.game.isFlooded.Load() {
			c.flooded = append(c.flooded, took)
		} else {
			c.calm = append(c.calm, took)
		}
	}
}
