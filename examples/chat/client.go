package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/queuednet/queuednet"
)

const (
	connectTimeout = 5 * time.Second

	// How long the server may take to answer what was typed before a goodbye.
	goodbyeTimeout = 2 * time.Second
)

// What kind of line it is that a person gets to see.
type lineKind int

const (
	saidLine    lineKind = iota // name said text
	eventLine                   // text: who comes and goes
	answerLine                  // text: what a command has to say
	failureLine                 // text: what did not work
	statusLine                  // text: about the connection
)

// A line is what a person gets to see.
type line struct {
	at   time.Time
	kind lineKind
	name string
	text string
}

// A client is what both interfaces show: the plain one and that of a terminal.
// They call frame again and again, and enter with what was typed; neither waits.
type client struct {
	manager *queuednet.QueuedConnectionManager
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
	host    string
	port    int

	pending *queuednet.PendingConnection // while it is connecting
	server  *queuednet.Connection        // while it is connected
	pause   time.Duration                // before the last attempt
	again   time.Time                    // when the next attempt is due
	why     error                        // of the last attempt that failed; nil after a success

	name, room string
	token      string    // with it the server knows us again
	since      time.Time // the last line that was said in the room

	online   bool // in a room
	operator string
	members  []string

	leaving time.Time // when it said goodbye; it ends with the server's answer

	over  bool  // it does not come back
	fault error // why not, nil after quit
	lines []line
}

func newClient(address, name, room string) (*client, error) {
	host, port, err := queuednet.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkName(name), checkName(room)); err != nil {
		return nil, err
	}
	if host == "" {
		host = "localhost"
	}
	manager := queuednet.NewQueuedConnectionManager(nil)
	return &client{
		manager: manager,
		reader:  queuednet.NewQueuedConnectionReader(manager),
		writer:  queuednet.NewConnectionWriter(manager),
		host:    host, port: port, name: name, room: room,
	}, nil
}

// frame connects, takes what has come, and tries again when the server is gone. It
// returns what is new to show.
func (c *client) frame(now time.Time) []line {
	switch {
	case c.over:
	case c.server == nil && c.pending == nil && now.After(c.again):
		c.pending = c.manager.BeginTCPClientConnection(c.host, c.port, connectTimeout)
	case c.pending != nil && c.pending.Ready():
		c.connected(c.pending.Result())
	}
	for datagram := range c.reader.Datagrams() {
		if datagram.Connection() == c.server { // and not what came late from one that was closed
			c.handle(datagram.Iterator(), now)
		}
	}
	for conn := range c.manager.ResetConnections() {
		if conn == c.server {
			c.server = nil
			c.tryAgain(conn.Err(), now)
		}
	}
	if !c.leaving.IsZero() && (c.server == nil || now.Sub(c.leaving) > goodbyeTimeout) {
		c.end(nil)
	}
	lines := c.lines
	c.lines = nil
	return lines
}

func (c *client) connected(server *queuednet.Connection, err error) {
	c.pending = nil
	if err != nil {
		c.tryAgain(err, time.Now())
		return
	}
	c.server = server
	// These fail only if the server is gone already, which ResetConnections tells.
	_ = c.reader.AddConnection(server)
	_ = c.writer.Send(hello{c.name, c.room, c.token, c.since}.datagram(), server)
}

// tryAgain waits a quarter of a second before the next attempt, and twice as long
// after each failure, at most 10 seconds. Who is in a room has the time from the start.
func (c *client) tryAgain(why error, now time.Time) {
	if c.why == nil && c.leaving.IsZero() {
		c.show(statusLine, now, "no server (%v): trying again", why)
	}
	c.online, c.why = false, why
	c.pause = min(max(2*c.pause, time.Second/4), 10*time.Second)
	c.again = now.Add(c.pause/2 + rand.N(c.pause/2)) // not all at once
}

// enter takes a line that was typed. It reports false while there is nobody to send
// it to.
func (c *client) enter(text string, now time.Time) bool {
	text = clean(text)
	if text == "/quit" || strings.HasPrefix(text, "/quit ") {
		c.leave(text, now)
		return true
	}
	if !c.online {
		c.show(failureLine, now, "not connected")
		return false
	}
	if text != "" {
		_ = c.writer.Send(message(msgTyped, text), c.server)
	}
	return true
}

// leave says goodbye. The server closes when it has answered all that was typed.
func (c *client) leave(goodbye string, now time.Time) {
	if !c.online {
		c.end(nil)
		return
	}
	_ = c.writer.Send(message(msgTyped, goodbye), c.server)
	c.leaving = now
}

// quit leaves at once. The goodbye still arrives when the manager is closed.
func (c *client) quit() {
	if c.online {
		_ = c.writer.Send(message(msgTyped, "/quit"), c.server)
	}
	c.end(nil)
}

// end closes the connection, or the attempt to open one.
func (c *client) end(fault error) {
	c.over, c.online, c.fault = true, false, fault
	if c.pending != nil {
		c.pending.Cancel()
		c.pending = nil
	}
	if c.server != nil {
		c.manager.CloseConnection(c.server)
		c.server = nil
	}
}

// close ends the client; it waits until what was sent has arrived.
func (c *client) close() error { return c.manager.Close() }

// handle deals with a message of the server.
func (c *client) handle(it queuednet.DatagramIterator, now time.Time) {
	switch kind := it.GetUint8(); kind {
	case msgWelcome:
		c.welcome(it.GetString(), it.GetString(), now)
	case msgEntered:
		c.entered(it, now)
	case msgSaid:
		at, name, text := moment(it.GetUint64()), it.GetString(), it.GetString()
		c.since = at
		c.lines = append(c.lines, line{at, saidLine, clean(name), clean(text)})
	case msgAnswer:
		kind := answerLine
		if it.GetBool() {
			kind = failureLine
		}
		c.lines = append(c.lines, line{at: now, kind: kind, text: clean(it.GetString())})
	case msgJoined, msgLeft, msgRenamed, msgOperator:
		c.event(kind, it, now)
	case msgKicked:
		by, why := clean(it.GetString()), clean(it.GetString())
		if why != "" {
			why = ": " + why
		}
		c.end(fmt.Errorf("%s has kicked you%s", by, why))
	case msgFarewell:
		c.show(statusLine, now, "%s", clean(it.GetString()))
	case msgRefused:
		c.end(fmt.Errorf("the server refuses: %s", clean(it.GetString())))
	default:
		c.end(fmt.Errorf("the server says something that is not understood (message %d)", kind))
	}
	if err := it.Err(); err != nil {
		c.end(fmt.Errorf("the server says something that is not understood: %w", err))
	}
}

// welcome is the server's answer to hello: only now the next attempt is near again.
func (c *client) welcome(name, token string, now time.Time) {
	c.pause, c.why = 0, nil
	if name != c.name {
		c.show(statusLine, now, "the name %s is taken: you are %s", c.name, clean(name))
	}
	c.name, c.token = clean(name), token
}

func (c *client) entered(it queuednet.DatagramIterator, now time.Time) {
	room, operator := clean(it.GetString()), clean(it.GetString())
	var members []string
	for range it.GetUint16() {
		members = append(members, clean(it.GetString()))
	}
	if it.Err() != nil {
		c.end(fmt.Errorf("the server says something that is not understood: %w", it.Err()))
		return
	}
	c.online, c.room, c.operator, c.members = true, room, operator, members
	c.show(statusLine, now, "you are %s, in %s", c.name, room)
}

// event is for what happens to others.
func (c *client) event(kind uint8, it queuednet.DatagramIterator, now time.Time) {
	name := clean(it.GetString())
	at := slices.Index(c.members, name)
	switch kind {
	case msgJoined:
		c.members = append(c.members, name)
		c.show(eventLine, now, "%s has come", name)
	case msgLeft:
		c.show(eventLine, now, "%s has left (%s)", name, clean(it.GetString()))
		if at >= 0 {
			c.members = slices.Delete(c.members, at, at+1)
		}
	case msgRenamed:
		to := clean(it.GetString())
		c.show(eventLine, now, "%s is now %s", name, to)
		if at >= 0 {
			c.members[at] = to
		}
		if c.name == name {
			c.name = to
		}
		if c.operator == name {
			c.operator = to
		}
	case msgOperator:
		c.operator = name
		c.show(eventLine, now, "%s is the operator", name)
	}
}

func (c *client) show(kind lineKind, now time.Time, format string, args ...any) {
	c.lines = append(c.lines, line{at: now, kind: kind, text: fmt.Sprintf(format, args...)})
}
