package main

import "github.com/queuednet/queuednet"

// The messages of the game. Each begins with its kind; those of a client go on
// with a number, as do the states of the server.
const (
	// From a client.
	position = iota + 1 // where it is
	load                // nothing but padding: what the flood consists of
	leave               // it will go when all that was sent to it has arrived
	lastWord            // the last thing before it closes

	// From the server.
	welcome // the client's id, and the number of the last state that it missed
	state   // where everybody is, and the number of what was last taken from each
	goodbye // the number of the last state that was sent
)

const (
	// A state is padded to what it takes to tell more of a world than where the
	// players are. Who does not read is soon full of them.
	stateSize = 8 << 10

	loadSize = 512
)

// begin makes a datagram the beginning of a client's message.
func begin(message *queuednet.Datagram, kind uint8, number uint32) {
	message.Clear()
	message.AddUint8(kind)
	message.AddUint32(number)
}

// A sequence checks the numbers of what comes over one connection in one
// direction. Each is one more than the one before it.
type sequence struct {
	last  uint32
	taken int
	lost  int // numbers left out
	wrong int // not above the one before: come twice, or out of order
}

func (s *sequence) take(number uint32) {
	s.taken++
	if number <= s.last {
		s.wrong++
		return
	}
	s.sent(number - 1)
	s.last = number
}

// sent counts what is missing up to a number that is known to have been sent.
func (s *sequence) sent(number uint32) {
	if number > s.last {
		s.lost += int(number - s.last)
		s.last = number
	}
}

// add adds the counts of another sequence.
func (s *sequence) add(other sequence) {
	s.taken += other.taken
	s.lost += other.lost
	s.wrong += other.wrong
}
