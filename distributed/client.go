package distributed

import (
	"errors"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
)

// ErrDisconnected is the reason of a client that said that it was leaving, as Panda3D's
// sendDisconnect does.
var ErrDisconnected = errors.New("distributed: the client has disconnected")

// ErrRefused is the reason of a client that did not join or was put out, if the
// program gave none.
var ErrRefused = errors.New("distributed: refused")

// A Client is a program that is connected to a [ServerRepository], such as a game or an
// AI. The pointer is its identity. Its methods are for the goroutine that calls Update.
//
// With [Processes] the program also meets clients of other processes, in AllowUpdate and in the
// event of a dropped message. Only DoIDBase means something for those, and it is their identity.
type Client struct {
	base    uint32
	objects map[uint32]*object
	zones   map[uint32]*membership // its current interest

	cached  int                  // bytes of the fields that the server keeps of them
	waiting map[*object]struct{} // the generates that it needs and has not got

	answers   map[uint32]answers // that it may still send about objects that it has deleted
	answering []uint32           // the keys of answers, the oldest in front

	listed          []*membership // those that it asked for, each once
	interest        []byte        // what it asked for last, as it came, until it is applied
	interestChanged bool
	openable        float64   // how much it may still open: MaxOpenedPerSecond
	openableAt      time.Time // when that was counted

	server *ServerRepository
	conn   *queuednet.Connection // nil of a local client
	local  *localClient          // nil of one with a connection
	ended  error                 // why it has gone, or is to go at the next Update

	held      [][]byte // what it sent while it waited in Joins
	heldBytes int
	since     time.Time // when it connected
	loggedAt  time.Time // when something of it was last logged
	unlogged  int       // how many drops were not logged since
	undecided bool      // it waits in Joins
	foreign   bool      // it stands for one of another process
	accepted  bool      // the program has accepted it, and the next Update takes it in
}

// answers are the generates of a deleted object that may still be on the way.
type answers struct {
	n     int
	until time.Time // when they are expected no more
}

// A membership is the interest of one client in one zone.
type membership struct {
	client   *Client
	zone     *zone
	index    int    // of it in zone.members
	explicit bool   // the client asked for the zone
	owned    int    // how many of the client's objects are there
	mark     uint64 // the message of interest that last listed it

	asked   int       // how many requests for its objects there the client has not answered
	askedAt time.Time // the last one
}

// A zone is one in which there is an object or a client.
type zone struct {
	id      uint32
	members []*membership
	objects map[*object]struct{}
	foreign map[*object]struct{} // those of other processes, while it has members
}

// An object is a distributed object as the server knows it. One that is foreign belongs to a
// client of another process, and has neither class nor owner here.
type object struct {
	doID    uint32
	class   *class
	owner   *Client
	zone    *zone
	waiting int  // how many clients of this process wait for a generate of it
	asked   int  // how many requests its owner has got that have not been answered
	moved   bool // all of its zone need its next generate
	cache   fieldCache

	version uint64    // of where it is: its process counts all that enter zones and go
	awaited time.Time // until when clients of other processes may wait for a generate of it
	process uint16    // of a foreign one
	listed  uint64    // the last list of a foreign one's process that had it
}

// DoIDBase returns the first id of the client's range. It also stands for the client in
// messages: as the sender, and as the target of a targeted update. It is 0 until the
// client has been accepted.
func (c *Client) DoIDBase() uint32 { return c.base }

// Connection returns the client's connection. On TLS its
// NetConn is a *tls.Conn, which knows the client's certificates.
func (c *Client) Connection() *queuednet.Connection { return c.conn }

// Address returns the address from which the client is connected.
func (c *Client) Address() queuednet.NetAddress {
	if c.conn == nil {
		return queuednet.NetAddress{}
	}
	return c.conn.Address()
}

// Err returns why the client has gone, and nil while it is there.
func (c *Client) Err() error { return c.ended }

// Objects returns the ids of the client's objects, in order.
func (c *Client) Objects() []uint32 {
	ids := make([]uint32, 0, len(c.objects))
	for id := range c.objects {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Zones returns the zones that are open for the client, in order: those that it asked
// for and those in which it has objects.
func (c *Client) Zones() []uint32 {
	ids := make([]uint32, 0, len(c.zones))
	for id := range c.zones {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Held returns what a client that waits in Joins has sent so far: payloads with their
// type, such as a message of the game's own that says who the client is. They are
// handled once the client is accepted; those of a type that the server does not know
// are dropped then.
func (c *Client) Held() [][]byte { return c.held }

// Accept takes in a client that waits in Joins, at the next Update. For any other
// client it does nothing.
func (c *Client) Accept() { c.accepted = c.undecided }

// Disconnect puts the client out at the next Update, whether it waits or not. Its
// Err will be the reason, or ErrRefused if that is nil. The client sees the end of
// its connection. For a client of another process Disconnect does nothing.
func (c *Client) Disconnect(reason error) {
	if reason == nil {
		reason = ErrRefused
	}
	if c.ended == nil && !c.foreign {
		c.ended = reason
		c.server.leaving = append(c.server.leaving, c)
	}
}
