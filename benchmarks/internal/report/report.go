// Package report makes what people read out of what the benchmarks measured:
// tables for the terminal and in Markdown, a list of the targets and whether they
// are met, and plots.
package report

import (
	"math"
	"slices"
	"strings"
)

// The peers by the names that the tables give them.
const (
	Queuednet        = "queuednet"
	Gnet             = "gnet"
	Nbio             = "nbio"
	Plain            = "plain"   // plain Go: a goroutine a connection, a channel send a datagram
	Batched          = "batched" // plain Go in batches
	CoderWebsocket   = "coder/websocket"
	GorillaWebsocket = "gorilla/websocket"
	PandaPolled      = "Panda3D polled"
	PandaThreaded    = "Panda3D threaded"
	Bare             = "bare" // a net.Conn read into a 64 KiB buffer: no peer, a bound
)

// The peers of work (j).
const (
	HandWritten    = "hand-written"
	EncodingBinary = "encoding/binary"
)

// peerOrder is the order of columns; others come behind, in alphabetical order.
var peerOrder = []string{Queuednet, Gnet, Nbio, Plain, Batched, CoderWebsocket, GorillaWebsocket,
	PandaPolled, PandaThreaded, Bare, HandWritten, EncodingBinary}

// The metrics that targets and plots look for.
const (
	TakenByLoop     = "taken by the loop"
	LibraryTime     = "time in the library a frame"
	LibraryDatagram = "time in the library a datagram"
	LoopTime        = "time in the loop"
	CPU             = "CPU"
	CPUDatagram     = "CPU a datagram"
	MedianTime      = "p50"
	FreshMemory     = "memory a connection, fresh"
	UsedMemory      = "memory a connection, after traffic"
	IdlePoll        = "idle poll"
	Accepted        = "accepted by the loop"
	CPUConnection   = "CPU a connection"
	Time            = "time"
	Allocations     = "allocations"
)

// What Result.Better may be.
const (
	More = "more"
	Less = "less"
)

// A Result is what one peer gave in one case of one work, in every repetition.
type Result struct {
	Work   string    `json:"work"`            // "a" … "j"
	Case   string    `json:"case"`            // "64 B", "1,000 connections"; "" if the work has one case
	Scale  int       `json:"scale,omitempty"` // connections or receivers of a run of the scale table, else 0
	Peer   string    `json:"peer"`
	Metric string    `json:"metric"`
	Unit   string    `json:"unit"`            // "M/s", "ms", "µs", "ns", "%", "B", "1/s", "allocs"
	Better string    `json:"better"`          // More or Less
	Values []float64 `json:"values"`          // one a repetition; the figure is their median
	Fault  string    `json:"fault,omitempty"` // what was lost or reordered: then there is no figure
}

// A Machine is where and with what the results came about.
type Machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	OS       string            `json:"os"`
	Kernel   string            `json:"kernel"`
	Go       string            `json:"go"`
	Date     string            `json:"date"`
	Versions map[string]string `json:"versions"` // of the peers
	Settings map[string]string `json:"settings"` // which settings each peer got
}

// median returns the median of the values. There must be one at least.
func (r *Result) median() float64 {
	sorted := slices.Sorted(slices.Values(r.Values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// valid reports whether the result has a figure.
func (r *Result) valid() bool {
	return r.Fault == "" && len(r.Values) > 0
}

// lead returns how many times better than other the result is: above 1 it is
// ahead. Both must be valid.
func (r *Result) lead(other *Result) float64 {
	ours, theirs := r.median(), other.median()
	switch {
	case ours == theirs: // even 0 and 0
		return 1
	case r.Better == More:
		return quotient(ours, theirs)
	default:
		return quotient(theirs, ours)
	}
}

// quotient returns a / b, and infinity for b = 0.
func quotient(a, b float64) float64 {
	if b == 0 {
		return math.Inf(1)
	}
	return a / b
}

// A row is what all peers gave in one case for one metric.
type row struct {
	Result // Work, Case, Scale, Metric, Unit and Better; its Peer is empty
	byPeer map[string]*Result
}

// ours returns queuednet's figure, or nil.
func (r *row) ours() *Result {
	return r.figure(Queuednet)
}

// figure returns the result of a peer if it has a figure, or nil.
func (r *row) figure(peer string) *Result {
	if result := r.byPeer[peer]; result != nil && result.valid() {
		return result
	}
	return nil
}

// rows groups the results that belong side by side, ordered by work, and within
// a work as they first appear. A later result of the same peer replaces an
// earlier one.
func rows(results []Result) []*row {
	type key struct {
		work, name, metric string
		scale              int
	}
	var ordered []*row
	byKey := make(map[key]*row)
	for i := range results {
		result := &results[i]
		k := key{result.Work, result.Case, result.Metric, result.Scale}
		r := byKey[k]
		if r == nil {
			r = &row{Result: *result, byPeer: make(map[string]*Result)}
			r.Peer, r.Values, r.Fault = "", nil, ""
			byKey[k] = r
			ordered = append(ordered, r)
		}
		r.byPeer[result.Peer] = result
	}
	slices.SortStableFunc(ordered, func(a, b *row) int { return strings.Compare(a.Work, b.Work) })
	return ordered
}
