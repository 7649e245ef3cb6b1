package distributed

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net"
	"reflect"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/distributed/dc"
)

// locationField is the field that says where an object is. The repository itself keeps
// it.
const locationField = "setLocation"

// A ClientRepository takes part in a world of distributed objects: it has Go objects for
// those that it sees, and others see those that it creates. Poll it with Update once a
// frame. Its methods are for one goroutine, and none blocks except Close.
//
// It is Panda3D's ClientRepository. An AI is one too, which registers the types that act
// as the AI classes do.
type ClientRepository struct {
	config  ClientConfig
	classes classes
	bound   map[*class]*boundClass
	byType  map[reflect.Type]*boundClass

	net  *netClient // nil until Connect or AdoptConnection
	link link       // nil while there is no connection

	ids     *doIDs // nil until the server has given a range
	objects map[uint32]Object
	clock   networkClock // the TimeManager, or nil
	began   time.Time    // local time 0 without one
	sender  uint32       // of the message that is being handled
	events  []ClientEvent

	payload []byte // the message that is being built
	args    []byte // the arguments that are being packed
	fields  []byte // the fields of a generate that are being built
	stats   ClientStats
}

// ClientStats counts what a repository has done since it was made.
type ClientStats struct {
	Received uint64 // messages of the server
	Ignored  uint64 // those that could not be used, with an event each
	Skipped  uint64 // those about classes without a Go type, or objects of such
	Sent     uint64 // messages
}

// NewClientRepository returns a repository for the classes of a DC file; a nil config
// stands for the defaults. It connects to nothing yet.
func NewClientRepository(config *ClientConfig, file *dc.File) (*ClientRepository, error) {
	if file == nil {
		return nil, errors.New("distributed: a client needs a DC file")
	}
	r := &ClientRepository{
		config: config.withDefaults(), classes: newClasses(file),
		bound: make(map[*class]*boundClass), byType: make(map[reflect.Type]*boundClass),
		objects: make(map[uint32]Object),
	}
	r.began = r.config.Now()
	return r, nil
}

// Register says which Go type stands for a class: new returns a fresh pointer to a struct
// that embeds [DistributedObject]. It fails for a class that the DC file does not have, and
// for methods whose parameters do not fit the fields of their names; one error names all of
// these. A field without a method is accepted, and ignored when it arrives. Objects of a
// class that is not registered are not seen.
//
// In Panda3D an import in the DC file does it.
func (r *ClientRepository) Register(name string, new func() Object) error {
	for _, c := range r.classes {
		if c != nil && c.dc.Name() == name {
			b, err := bind(c, new)
			if err != nil {
				return fmt.Errorf("distributed: %s: %w", name, err)
			}
			r.bound[c] = b
			r.byType[reflect.TypeOf(new())] = b
			return nil
		}
	}
	return fmt.Errorf("%w: %s", ErrUnknownClass, name)
}

// Connect begins to connect to a server, for at most the timeout. The event Connected
// or ConnectFailed tells the outcome. Panda3D's server listens on port 4400 by default.
func (r *ClientRepository) Connect(host string, port int, timeout time.Duration) error {
	if err := r.openNet(); err != nil {
		return err
	}
	r.net.connect(host, port, timeout)
	return nil
}

// AdoptConnection uses a connection to a server that the program has opened, such
// as one of crypto/tls. The repository owns it from then on, and closes it if
// AdoptConnection fails.
func (r *ClientRepository) AdoptConnection(socket net.Conn) error {
	if err := r.openNet(); err != nil {
		socket.Close()
		return err
	}
	conn, err := r.net.manager.AdoptConnection(socket)
	if err != nil {
		return err
	}
	r.link, err = r.net.open(conn)
	return err
}

// ConnectLocal makes the repository a client of a server in the same program,
// without a socket, so that a server can have objects of its own. One goroutine
// must poll both.
func (r *ClientRepository) ConnectLocal(server *ServerRepository) error {
	if r.link != nil {
		return ErrConnected
	}
	r.link = server.openLocal()
	return nil
}

func (r *ClientRepository) openNet() error {
	if r.link != nil || r.net != nil && r.net.pending != nil {
		return ErrConnected
	}
	if r.net == nil {
		r.net = newNetClient(r.config.Net)
	}
	return nil
}

// Update is a frame: it handles what has arrived from the server, and calls the
// methods of objects. Events then tells what happened.
func (r *ClientRepository) Update() {
	clear(r.events)
	r.events = r.events[:0]
	r.finishConnecting()
	link := r.link
	if link == nil {
		return
	}
	for payload := range link.received() {
		r.handle(payload)
		if r.link != link {
			return // a method of an object has disconnected
		}
	}
	if err := link.ended(); err != nil {
		link.close()
		r.lose()
		r.event(ClientEvent{Kind: ConnectionLost, Err: err})
	}
}

// finishConnecting takes the outcome of Connect.
func (r *ClientRepository) finishConnecting() {
	if r.net == nil || r.net.pending == nil || !r.net.pending.Ready() {
		return
	}
	conn, err := r.net.pending.Result()
	r.net.pending = nil
	if err == nil {
		r.link, err = r.net.open(conn)
	}
	if err != nil {
		r.event(ClientEvent{Kind: ConnectFailed, Err: err})
		return
	}
	r.event(ClientEvent{Kind: Connected})
}

// Events returns what happened in the last Update, in order. They are forgotten when the
// next one begins.
func (r *ClientRepository) Events() iter.Seq[ClientEvent] { return slices.Values(r.events) }

func (r *ClientRepository) event(e ClientEvent) { r.events = append(r.events, e) }

// Disconnect says good-bye to the server and closes the connection, both in the
// background. All objects are disabled and deleted. If there is no connection it does
// nothing. It is Panda3D's sendDisconnect, which leaves the objects.
func (r *ClientRepository) Disconnect() {
	if r.net != nil && r.net.pending != nil {
		r.net.pending.Cancel()
		r.net.pending = nil
	}
	if r.link == nil {
		return
	}
	r.payload = appendType(r.payload[:0], clientDisconnect)
	_ = r.sendPayload()
	r.link.close()
	r.lose()
}

// Close disconnects and BLOCKS until what was sent has arrived, as Close of
// [queuednet.QueuedConnectionManager] does. The repository cannot be used again.
func (r *ClientRepository) Close() error {
	r.Disconnect()
	if r.net == nil {
		return nil
	}
	return r.net.manager.Close()
}

// lose forgets the connection and all that came over it.
func (r *ClientRepository) lose() {
	r.link, r.ids = nil, nil
	for _, id := range slices.Sorted(maps.Keys(r.objects)) {
		r.remove(r.objects[id])
	}
}

// HaveCreateAuthority reports whether the server has given a range of ids, so that
// objects can be created. It is Panda3D's haveCreateAuthority.
func (r *ClientRepository) HaveCreateAuthority() bool { return r.ids != nil }

// DoIDBase returns the first id of the range, by which others know this client, or 0 if
// the server has given none. It is Panda3D's doIdBase.
func (r *ClientRepository) DoIDBase() uint32 {
	if r.ids == nil {
		return 0
	}
	return r.ids.base
}

// IsLocalID reports whether an id is one of this client's range. It is Panda3D's
// isLocalId.
func (r *ClientRepository) IsLocalID(doID uint32) bool { return r.ids != nil && r.ids.has(doID) }

// AvatarIDFromSender returns the base of the client that sent the message for which
// a method of an object is being called, and 0 at any other time. It is Panda3D's
// getAvatarIdFromSender.
func (r *ClientRepository) AvatarIDFromSender() uint32 { return r.sender }

// Object returns the object with an id, or nil if there is none. It is Panda3D's doId2do.
func (r *ClientRepository) Object(doID uint32) Object { return r.objects[doID] }

// Objects returns all objects by id, in no order.
func (r *ClientRepository) Objects() iter.Seq2[uint32, Object] { return maps.All(r.objects) }

// Stats returns the counts.
func (r *ClientRepository) Stats() ClientStats { return r.stats }

// NetworkTime returns the time that all programs of the world share: that of the
// TimeManager or TimeManagerAI that the repository has, or without one the time since it
// was made. It is Panda3D's globalClockDelta.
func (r *ClientRepository) NetworkTime() time.Duration {
	if r.clock != nil {
		return r.clock.networkNow()
	}
	return r.config.Now().Sub(r.began)
}

// Send sends a message of the game's own, such as one that says who the client is: a server
// with HoldJoins finds it in Held of the client that waits. Its type is the first two bytes,
// little-endian, and must be none of Panda3D's. It fails as Send of a
// [queuednet.ConnectionWriter] does, and with ErrNotConnected. It is Panda3D's send.
func (r *ClientRepository) Send(datagram *queuednet.Datagram) error {
	if datagram == nil {
		return errors.New("distributed: nil datagram")
	}
	if err := datagram.Err(); err != nil {
		return err
	}
	r.payload = append(r.payload[:0], datagram.Message()...)
	return r.sendPayload()
}

// sendPayload sends the payload that was built.
func (r *ClientRepository) sendPayload() error {
	if r.link == nil {
		return ErrNotConnected
	}
	r.stats.Sent++
	return r.link.send(r.payload)
}
