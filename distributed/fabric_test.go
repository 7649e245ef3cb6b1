package distributed

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A fabric links repositories of one program: it is the Processes of each. Messages arrive at
// the receiver's next Receive, in order unless the fabric shuffles them, and can be lost.
type fabric struct {
	ids   *oneProcess
	owner map[uint32]uint16 // of each range, by its base
	links []*fabricLink

	shuffle *rand.Rand                           // messages of different streams overtake each other
	lose    func(from, to uint16, p parcel) bool // messages that do not arrive
	cut     map[[2]uint16]bool                   // from whom to whom none arrives, and none is missed
}

// A fabricLink is the end of one process.
type fabricLink struct {
	*fabric
	number  uint16
	watched map[uint32]bool
	known   map[uint16]map[uint32]bool // the zones of others, as far as it has come here
	inbox   []parcel
	full    error // of Publish and Send
	errs    []error
}

// A parcel is a message on its way, or an event for its receiver.
type parcel struct {
	from    uint16
	zone    uint32
	direct  bool // sent to one process, not to a zone
	payload []byte
	event   func(to receiver) // in the place of a payload
}

// A receiver takes what comes from other processes: a ServerRepository, or a state alone.
type receiver interface {
	Deliver(process uint16, payload []byte) error
	DeliverGap(process uint16, zone uint32)
	ProcessJoined(process uint16)
	ProcessLeft(process uint16)
}

func newFabric(size uint32, processes int) *fabric {
	f := &fabric{ids: newOneProcess(size), owner: make(map[uint32]uint16), cut: make(map[[2]uint16]bool)}
	for i := range processes {
		f.links = append(f.links, &fabricLink{fabric: f, number: uint16(i)})
		f.connect(uint16(i))
	}
	return f
}

// connect makes a process new: it watches nothing and knows what the others do.
func (f *fabric) connect(number uint16) {
	l := f.links[number]
	l.watched, l.known, l.inbox = make(map[uint32]bool), make(map[uint16]map[uint32]bool), nil
	for _, other := range f.links {
		f.learn(l, other)
		if other.known != nil {
			f.learn(other, l)
		}
	}
}

// learn tells a process what another one watches.
func (f *fabric) learn(l, other *fabricLink) { l.known[other.number] = maps.Clone(other.watched) }

// idle reports whether nothing is on its way.
func (f *fabric) idle() bool {
	return !slices.ContainsFunc(f.links, func(l *fabricLink) bool { return len(l.inbox) > 0 })
}

// happens puts an event in the way to a process.
func (f *fabric) happens(at uint16, event func(to receiver)) {
	f.links[at].inbox = append(f.links[at].inbox, parcel{direct: true, from: 1 << 15, event: event})
}

func (l *fabricLink) TakeRange() (uint32, bool) {
	base, ok := l.ids.TakeRange()
	if ok {
		l.owner[base] = l.number
	}
	return base, ok
}

func (*fabricLink) World() uint32 { return 0 }

func (l *fabricLink) ReleaseRange(base uint32) { l.ids.ReleaseRange(base) }

func (l *fabricLink) ProcessOf(id uint32) (uint16, bool) {
	process, ok := l.owner[(id-1)/l.ids.size*l.ids.size+1]
	return process, ok && id > 0 && process != l.number
}

func (l *fabricLink) WatchZone(zone uint32, watched bool) {
	l.watched[zone] = watched
	l.inbox = slices.DeleteFunc(l.inbox, func(p parcel) bool { return !p.direct && p.zone == zone && !watched })
	for _, to := range l.links { // it is on its way as messages are
		tell := func(receiver) { to.known[l.number][zone] = l.watched[zone] }
		switch {
		case to == l || l.cut[[2]uint16{l.number, to.number}]:
		case l.shuffle != nil:
			tell(nil)
		default:
			to.inbox = append(to.inbox, parcel{from: l.number, direct: true, event: tell})
		}
	}
}

func (l *fabricLink) Publish(zone uint32, payload []byte) error {
	if l.full != nil {
		return l.full
	}
	for _, to := range l.links {
		if to != l && to.watched[zone] && l.known[to.number][zone] {
			l.post(to, parcel{from: l.number, zone: zone, payload: bytes.Clone(payload)})
		}
	}
	return nil
}

func (l *fabricLink) Send(process uint16, payload []byte) error {
	if l.full == nil {
		l.post(l.links[process], parcel{from: l.number, direct: true, payload: bytes.Clone(payload)})
	}
	return l.full
}

func (l *fabricLink) post(to *fabricLink, p parcel) {
	if l.cut[[2]uint16{l.number, to.number}] {
		return
	}
	if l.lose != nil && l.lose(l.number, to.number, p) {
		if p.direct {
			return
		}
		p.event = func(to receiver) { to.DeliverGap(p.from, p.zone) }
	}
	to.inbox = append(to.inbox, p)
}

func (l *fabricLink) Receive(server *ServerRepository) { l.receive(server) }

func (l *fabricLink) receive(to receiver) {
	for range len(l.inbox) {
		i := 0
		if l.shuffle != nil {
			chosen := l.inbox[l.shuffle.IntN(len(l.inbox))]
			i = slices.IndexFunc(l.inbox, func(p parcel) bool {
				return p.from == chosen.from && p.zone == chosen.zone && p.direct == chosen.direct
			})
		}
		p := l.inbox[i]
		if i == 0 {
			l.inbox = l.inbox[1:] // moving the rest each time would take minutes for thousands of zones
		} else {
			l.inbox = slices.Delete(l.inbox, i, i+1)
		}
		if p.event != nil {
			p.event(to)
		} else if err := to.Deliver(p.from, p.payload); err != nil {
			l.errs = append(l.errs, err)
		}
	}
}

// requireNoErrors requires that all messages were understood.
func (f *fabric) requireNoErrors(t *testing.T) {
	t.Helper()
	for _, l := range f.links {
		require.Empty(t, l.errs)
	}
}
