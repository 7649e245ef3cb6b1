package distributed

import (
	"github.com/queuednet/queuednet/distributed/dc"
)

// An EventKind says what an [Event] is about.
type EventKind int

const (
	// ClientJoined: a client has been accepted and has its range of ids.
	ClientJoined EventKind = iota
	// ClientLeft: a client has gone; its objects' ends came before. Err says why.
	ClientLeft
	// ClientRefused: a connection did not become a client. Err says why.
	ClientRefused
	// ObjectGenerated: an object is new.
	ObjectGenerated
	// ObjectMoved: an object has gone from OldZone to Zone.
	ObjectMoved
	// ObjectDeleted: an object has been deleted, or its owner has gone.
	ObjectDeleted
	// MessageDropped: a message of a client had no effect. Reason and Err say why.
	MessageDropped
)

var eventNames = [...]string{
	"client joined", "client left", "client refused", "object generated", "object moved",
	"object deleted", "message dropped",
}

// String returns the kind in words.
func (k EventKind) String() string { return eventNames[k] }

// An Event is something that happened during an Update.
type Event struct {
	Kind    EventKind
	Client  *Client    // who it is about, the owner of an object, the sender of a message
	DoID    uint32     // of the object; of a dropped message if it names one
	Class   *dc.Class  // of the object
	Zone    uint32     // of the object
	OldZone uint32     // where a moved object was
	Reason  DropReason // of a dropped message
	Err     error      // of a client that left or was refused, and of a dropped message
}

// A DropReason says why a message of a client had no effect. [Stats] counts each.
type DropReason int

const (
	// DropMalformed: a message that is too short, or has half an id at its end.
	DropMalformed DropReason = iota
	// DropUnknownType: a type of message that clients do not send.
	DropUnknownType
	// DropForeignID: a generate with an id that is not of the client's range.
	DropForeignID
	// DropUnknownClass: a generate with a class number that the DC files do not have.
	DropUnknownClass
	// DropOtherClass: a generate for an object that has another class.
	DropOtherClass
	// DropDeleted: a generate of an object that its owner has deleted, in answer to a
	// request that crossed the delete. Panda3D's clients send it, and nobody is at
	// fault.
	DropDeleted
	// DropUnknownObject: a message about an object that is not there; it may just
	// have been deleted.
	DropUnknownObject
	// DropUnknownField: a field that is not one of the object's class.
	DropUnknownField
	// DropUnknownTarget: a targeted update for a client that is not there.
	DropUnknownTarget
	// DropNotOwner: something that only the object's owner may do.
	DropNotOwner
	// DropNoKeyword: a field without a keyword that says whom it is for.
	DropNoKeyword
	// DropBadFields: arguments of fields that do not unpack.
	DropBadFields
	// DropTooLong: a message that does not fit a datagram once the sender is in it, or
	// after which the generate that CacheFields keeps would not.
	DropTooLong
	// DropLimit: a message over MaxObjectsPerClient, MaxZonesPerClient,
	// MaxOpenedPerSecond or MaxCachedBytes.
	DropLimit
	// DropNotAllowed: the program's AllowGenerate, AllowMove or AllowUpdate has
	// returned an error.
	DropNotAllowed
	// DropUnsent: a message for another process that Processes.Send could not send.
	DropUnsent
	numDropReasons
)

var dropNames = [numDropReasons]string{
	"malformed message", "unknown type of message", "id of another client", "unknown class",
	"another class than before", "deleted before", "unknown object", "unknown field", "unknown target",
	"not the owner", "field without broadcast, reflect or p2p", "bad fields", "too long",
	"over a limit", "not allowed by the program", "not sent to another process",
}

// String returns the reason in words.
func (r DropReason) String() string { return dropNames[r] }

// Stats counts what a repository has done since it was made.
type Stats struct {
	Clients int // now
	Objects int // now
	Zones   int // now: that have an object or are open for a client

	ForeignObjects int // now: of other processes, in zones that are open for a client

	Joined   uint64                 // clients accepted
	Refused  uint64                 // connections that did not become clients
	Received uint64                 // messages of clients
	Relayed  uint64                 // updates and generates passed on, each counted once
	Sent     uint64                 // messages sent, one for each receiver
	Unsent   uint64                 // messages to other processes that could not be sent
	Dropped  [numDropReasons]uint64 // messages without effect, by [DropReason]
}
