package distributed

// Processes is what a repository needs to be one of several processes, each with clients of
// its own, that are one server to all of them: ranges of ids that no two use, messages to all
// processes that have a client in a zone, and messages to one process. Package cluster/objects
// of the module cluster has one over a cluster of nodes.
//
// The process whose client owns an object decides all about it: a client's message about an
// object that is owned elsewhere is sent there. Each process knows which objects of others are in the
// zones that its own clients have open, and keeps nothing else of them.
//
// The repository calls these methods inside Update. None may wait, and none may call the
// repository back except Receive. Payloads are valid during the call only, and up to 64 bytes
// longer than the longest message of a client.
//
// Messages of one process to one zone must arrive in the order in which they were published,
// and each at most once. Those of different zones, and those that are sent to a process, may overtake
// each other; then clients see for a moment what one server would not have shown them.
type Processes interface {
	// World returns what all processes have in common beside their DC files and IDRange, such as
	// how ids are divided among them. Processes that differ in it do not hear each other.
	World() uint32

	// TakeRange returns the first id of a range of IDRange ids that nobody else
	// uses: n×IDRange + 1. It reports false if there is none at the moment.
	TakeRange() (base uint32, ok bool)

	// ReleaseRange gives a range back. It should be used again as late as possible.
	ReleaseRange(base uint32)

	// ProcessOf returns the process in whose range an id is. It reports false for an id of
	// this process, and for an id that is nobody's.
	ProcessOf(id uint32) (process uint16, ok bool)

	// WatchZone tells that the first client of this process has opened a zone, or that
	// none has it open any more. What this process sends to another afterwards may be
	// answered in the zone, and the answer must arrive. Messages that were on their way
	// when the last client closed the zone must not arrive, even if the zone is opened
	// again before.
	WatchZone(zone uint32, watched bool)

	// Publish hands over a message for the other processes that watch a zone, which give it
	// to [ServerRepository.Deliver]. If it fails, none of them gets the message, and the
	// repository makes them ask what is in the zone as soon as Publish takes messages
	// again.
	Publish(zone uint32, payload []byte) error

	// Send hands over a message for one process, which gives it to
	// [ServerRepository.Deliver]. If it fails, the process does not get the message.
	Send(process uint16, payload []byte) error

	// Receive is called once in each Update. It hands the repository what has arrived from
	// the other processes, by Deliver, DeliverGap, ProcessJoined and ProcessLeft, and
	// returns.
	Receive(server *ServerRepository)
}

// Deliver takes a message that another process has published or sent; [Processes].Receive calls
// it. It fails for bytes that are not such a message, or that this process could not pass on to
// its clients. They have no effect.
func (s *ServerRepository) Deliver(process uint16, payload []byte) error {
	return s.state.deliver(process, payload)
}

// DeliverGap tells that messages of a process to a zone were lost, after all that was
// delivered so far; [Processes].Receive calls it. The process is asked what is in the zone, and
// its clients for the fields of their objects there.
func (s *ServerRepository) DeliverGap(process uint16, zone uint32) { s.state.gap(process, zone) }

// ProcessJoined tells that a process is there, before anything of it is delivered: a new process,
// one that ProcessLeft said had gone, or one any of whose messages may have been lost.
// [Processes].Receive calls it. If it has a repository too, both sides then ask each other what is
// in the zones that they watch.
func (s *ServerRepository) ProcessJoined(process uint16) { s.state.processJoined(process) }

// ProcessLeft tells that a process has gone; [Processes].Receive calls it. Its clients are gone
// with it, so that their objects are deleted. What is still delivered of it has no effect, until
// ProcessJoined.
func (s *ServerRepository) ProcessLeft(process uint16) { s.state.processLeft(process) }
