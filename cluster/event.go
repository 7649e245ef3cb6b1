package cluster

import "time"

// An Event is something about the cluster that the program should know.
type Event struct {
	Kind        EventKind
	Node        uint16    // whom it is about; 0: this one
	Incarnation uint64    // of Node
	Group       *Group    // Gap and CountChanged; nil for a Gap of directed messages
	Missed      uint64    // Gap, Overflow: how many messages
	Session     SessionID // SessionTaken
	Err         error     // NodeLeft, Disconnected, Ended: the reason
	At          time.Time
}

// EventKind says what has happened.
type EventKind uint8

const (
	// NodeJoined is for a node that is heard for the first time, or another incarnation
	// of it. Nothing that it sent is handed out before this event.
	NodeJoined EventKind = 1 + iota

	// NodeLeft is for a node that is gone: Err is ErrLeft, ErrNoHeartbeat or ErrReplaced.
	// What it sent before is handed out before this event, and nothing after it, until
	// NodeBack or NodeJoined.
	NodeLeft

	// NodeBack is for a node that was taken for dead and is there again, the same
	// incarnation: the way to it was cut, or its process was stopped. Treat it as a
	// gap of each group: what was lost before is told in Gaps, but what this node
	// sent may have been lost as well.
	NodeBack

	// NodeDraining is for a node that has called Drain.
	NodeDraining

	// Gap says that Missed messages of Node to Group, or to this node, are lost: no copy
	// of them is going to arrive. Several that the program has not taken are added up.
	Gap

	// CountChanged says that Group.Count may have changed because of another node. It is
	// told of groups that the program has, once until it is taken.
	CountChanged

	// Disconnected says that the way to NATS is gone, or that a node that has just begun finds
	// none, because of Err, and Connected that it is there. The node goes on trying. After a
	// Disconnected, treat Connected as a gap of each group.
	Disconnected
	Connected

	// Overflow says that Missed messages, and not only their Gaps, are due to
	// this program: they found Config.MaxReceiveQueue used up.
	Overflow

	// Paused says that this process has not run for Config.DeadAfter: it was stopped, or
	// its machine was. The others have taken it for dead. Treat it as a gap of each group.
	Paused

	// Unheard says that another node hears Node, and this one has not for a while: the servers do not
	// all reach each other. What Node and this node send each other is lost, and no Gap tells
	// it before NodeJoined or NodeBack, which says that they do again.
	Unheard

	// SessionTaken says that another node, Node, has redeemed a ticket of Session, whose
	// player was here: drop that connection.
	SessionTaken

	// Ended says that the node takes part no longer, because of Err, the same as
	// Node.Err: ErrDuplicateNumber, ErrCredentials, ErrServerVersion.
	Ended
)

var eventNames = [...]string{
	NodeJoined: "NodeJoined", NodeLeft: "NodeLeft", NodeBack: "NodeBack", NodeDraining: "NodeDraining", Gap: "Gap",
	CountChanged: "CountChanged", Disconnected: "Disconnected", Connected: "Connected", Overflow: "Overflow",
	Paused: "Paused", Unheard: "Unheard", SessionTaken: "SessionTaken", Ended: "Ended",
}

// String returns the name of the constant.
func (k EventKind) String() string {
	if int(k) < len(eventNames) && eventNames[k] != "" {
		return eventNames[k]
	}
	return "EventKind(?)"
}

// ordered reports whether the order of an event and of messages matters.
func (k EventKind) ordered() bool {
	return k == NodeJoined || k == NodeLeft || k == NodeBack
}

// adds reports whether several of one kind become one until the program takes it.
func (k EventKind) adds() bool { return k == Gap || k == CountChanged || k == Overflow }

// eventKey is what events that add up have in common.
type eventKey struct {
	kind        EventKind
	node        uint16
	incarnation uint64
	group       *Group
}

func (e *Event) key() eventKey { return eventKey{e.Kind, e.Node, e.Incarnation, e.Group} }
