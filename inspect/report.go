package inspect

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/queuednet/queuednet"
)

// A Report is what the JSON says, for programs that decode it. The difference
// between two of them gives rates.
type Report struct {
	Time        time.Time // of the server, when it was made
	Closed      bool      // the manager is
	Manager     queuednet.ManagerStats
	DrainBounds []time.Duration // of Manager.Drains.Times

	Rendezvous  []Rendezvous
	Matching    int          // connections that find allows
	Connections []Connection // of those the first ones by sort, at most limit
}

// A Rendezvous is a listening socket.
type Rendezvous struct {
	Name   string // its String
	Opened time.Time
}

// A Connection is an open connection, of TCP or UDP or adopted. It costs up to
// three system calls, about a microsecond each.
type Connection struct {
	Name  string // its String, such as "tcp 127.0.0.1:49400"
	Local string `json:",omitempty"` // its LocalAddress, unless that is zero
	Stats queuednet.ConnectionStats

	LastReceived   time.Time           `json:",omitzero"`
	RoundTrip      *time.Duration      `json:",omitempty"` // nil where it is not known
	Unacknowledged *int                `json:",omitempty"` // likewise
	UDPDrops       *queuednet.UDPDrops `json:",omitempty"` // nil for a stream
}

// query is what a request asks for.
type query struct {
	limit   int
	find    string
	compare func(a, b *queuednet.ConnectionStats) int
}

const defaultLimit = 100

func parseQuery(r *http.Request) (query, error) {
	q := query{limit: defaultLimit, find: r.FormValue("find")}
	if limit := r.FormValue("limit"); limit != "" {
		var err error
		if q.limit, err = strconv.Atoi(limit); err != nil || q.limit < 0 {
			return q, fmt.Errorf("limit %q: a number of connections, 0 or more", limit)
		}
	}
	order := cmp.Or(r.FormValue("sort"), "backlog")
	if q.compare = orders[order]; q.compare == nil {
		return q, fmt.Errorf("sort %q: backlog, traffic, newest or oldest", order)
	}
	return q, nil
}

var orders = map[string]func(a, b *queuednet.ConnectionStats) int{
	"backlog": mostOf(func(s *queuednet.ConnectionStats) uint64 { return uint64(s.SendQueueBytes + s.ReceiveQueueBytes) }),
	"traffic": mostOf(func(s *queuednet.ConnectionStats) uint64 { return s.Received.Bytes + s.Sent.Bytes }),
	"newest":  func(a, b *queuednet.ConnectionStats) int { return b.Opened.Compare(a.Opened) },
	"oldest":  oldest,
}

func oldest(a, b *queuednet.ConnectionStats) int { return a.Opened.Compare(b.Opened) }

// mostOf puts those with the most first, and of those that are alike the oldest, so
// that they keep their places.
func mostOf(value func(*queuednet.ConnectionStats) uint64) func(a, b *queuednet.ConnectionStats) int {
	return func(a, b *queuednet.ConnectionStats) int {
		return cmp.Or(cmp.Compare(value(b), value(a)), oldest(a, b))
	}
}

// entry is a connection that may be listed.
type entry struct {
	conn  *queuednet.Connection
	name  string
	stats queuednet.ConnectionStats
}

func (q query) report(manager *queuednet.QueuedConnectionManager) Report {
	bounds := queuednet.DrainBounds()
	r := Report{
		Time:        time.Now(),
		Closed:      manager.String() == "closed manager",
		Manager:     manager.Stats(),
		DrainBounds: bounds[:],
		Rendezvous:  []Rendezvous{},
	}
	var entries []*entry
	for conn := range manager.Connections() {
		e := &entry{conn, conn.String(), conn.Stats()}
		switch {
		case strings.HasPrefix(e.name, "rendezvous "):
			r.Rendezvous = append(r.Rendezvous, Rendezvous{e.name, e.stats.Opened})
		case strings.Contains(e.name, q.find):
			entries = append(entries, e)
		}
	}
	slices.SortFunc(r.Rendezvous, func(a, b Rendezvous) int { return a.Opened.Compare(b.Opened) })
	slices.SortFunc(entries, func(a, b *entry) int { return q.compare(&a.stats, &b.stats) })
	r.Matching = len(entries)
	entries = entries[:min(len(entries), q.limit)]
	r.Connections = make([]Connection, len(entries))
	for i, e := range entries {
		r.Connections[i] = e.describe()
	}
	return r
}

// describe asks the system for what it alone knows.
func (e *entry) describe() Connection {
	c := Connection{Name: e.name, Stats: e.stats, LastReceived: e.conn.LastReceived()}
	if local := e.conn.LocalAddress(); local != (queuednet.NetAddress{}) {
		c.Local = local.String()
	}
	if smoothed, _, err := e.conn.RoundTrip(); err == nil {
		c.RoundTrip = &smoothed
	}
	if bytes, err := e.conn.Unacknowledged(); err == nil {
		c.Unacknowledged = &bytes
	}
	if e.conn.IsUDP() {
		drops := e.conn.UDPDrops()
		c.UDPDrops = &drops
	}
	return c
}
