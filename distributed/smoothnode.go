package distributed

import (
	"math"
	"slices"
	"time"
)

// A PosHpr is a position and an orientation: x, y, z, and heading, pitch and roll in
// degrees.
type PosHpr struct{ X, Y, Z, H, P, R float64 }

// smallestChange is how much a component must change to be sent, and smoothDelay is how
// far in the past Smoothed is by default, as with Panda3D.
const (
	smallestChange = 0.01
	smoothDelay    = 200 * time.Millisecond
	keptSamples    = 16
)

// A SmoothNode is an object that moves, for the class DistributedSmoothNode of
// direct.dc and those derived from it: embed it in the place of DistributedObject.
// Its owner sets PosHpr and calls BroadcastPosHpr some times a second; the others
// ask for Smoothed. It is the part of Panda3D's DistributedSmoothNode that needs no
// scene graph.
//
// The methods Set… and Get… that have no comment stand for the fields of the class:
// Update calls them, and programs have no need to.
type SmoothNode struct {
	DistributedObject
	PosHpr // where the object is; of another's object, where it was said to be last

	sent    PosHpr // what was sent last
	stopped bool   // that nothing changes has been sent
	samples []sample
}

// A sample is where an object was at a network time.
type sample struct {
	at  time.Duration
	pos PosHpr
}

// StartPosHprBroadcast sends all of PosHpr. It is Panda3D's startPosHprBroadcast,
// which also begins to call the rest by itself.
func (n *SmoothNode) StartPosHprBroadcast() error {
	if err := n.SendUpdate("clearSmoothing", 0); err != nil {
		return err
	}
	n.sent, n.stopped = n.PosHpr, false
	p := n.PosHpr
	return n.SendUpdate("setSmPosHprL", n.zone, p.X, p.Y, p.Z, p.H, p.P, p.R, n.timestamp())
}

// BroadcastPosHpr sends the parts of PosHpr that have changed by 0.01 or more. If none
// has, it says so once. Panda3D does this 5 times a second.
func (n *SmoothNode) BroadcastPosHpr() error {
	field, args := n.changes()
	if field == "setSmStop" {
		if n.stopped {
			return nil
		}
		n.stopped = true
		return n.SendUpdate(field, n.timestamp())
	}
	n.stopped = false
	return n.SendUpdate(field, append(args, n.timestamp())...)
}

func (n *SmoothNode) timestamp() int16 {
	if n.repository == nil {
		return 0
	}
	return Timestamp(n.repository.NetworkTime())
}

// changes returns the smallest field that covers everything that has changed, without
// the time, and notes it as sent.
func (n *SmoothNode) changes() (field string, args []any) {
	p, s := n.PosHpr, &n.sent
	changed := func(value float64, sent *float64) bool {
		if math.Abs(value-*sent) < smallestChange {
			return false
		}
		*sent = value
		return true
	}
	x, y, z := changed(p.X, &s.X), changed(p.Y, &s.Y), changed(p.Z, &s.Z)
	h, pr := changed(p.H, &s.H), changed(p.P, &s.P)
	pr = changed(p.R, &s.R) || pr
	xyz, hpr := x || y || z, h || pr
	switch {
	case !xyz && !hpr:
		return "setSmStop", nil
	case h && !pr && !xyz:
		return "setSmH", []any{p.H}
	case z && !x && !y && !hpr:
		return "setSmZ", []any{p.Z}
	case !z && !hpr:
		return "setSmXY", []any{p.X, p.Y}
	case x && z && !y && !hpr:
		return "setSmXZ", []any{p.X, p.Z}
	case !hpr:
		return "setSmPos", []any{p.X, p.Y, p.Z}
	case !xyz:
		return "setSmHpr", []any{p.H, p.P, p.R}
	case !pr && !z:
		return "setSmXYH", []any{p.X, p.Y, p.H}
	case !pr:
		return "setSmXYZH", []any{p.X, p.Y, p.Z, p.H}
	}
	return "setSmPosHpr", []any{p.X, p.Y, p.Z, p.H, p.P, p.R}
}

// Smoothed returns where the object is to be shown now: where it was a fifth of a
// second ago, between the two reports around that time. It is Panda3D's
// smoothPosition.
func (n *SmoothNode) Smoothed() PosHpr {
	if n.repository == nil || len(n.samples) == 0 {
		return n.PosHpr
	}
	at := n.repository.NetworkTime() - smoothDelay
	next := slices.IndexFunc(n.samples, func(s sample) bool { return s.at >= at })
	switch next {
	case -1:
		return n.samples[len(n.samples)-1].pos
	case 0:
		return n.samples[0].pos
	}
	before, after := n.samples[next-1], n.samples[next]
	share := float64(at-before.at) / float64(after.at-before.at)
	return before.pos.toward(after.pos, share)
}

// toward returns what lies between two places; angles take the shorter way.
func (p PosHpr) toward(q PosHpr, share float64) PosHpr {
	line := func(a, b float64) float64 { return a + (b-a)*share }
	turn := func(a, b float64) float64 { return a + math.Remainder(b-a, 360)*share }
	return PosHpr{
		line(p.X, q.X), line(p.Y, q.Y), line(p.Z, q.Z),
		turn(p.H, q.H), turn(p.P, q.P), turn(p.R, q.R),
	}
}

// report takes a place that the owner has sent.
func (n *SmoothNode) report(timestamp int16) {
	at := FromTimestamp(timestamp, n.repository.NetworkTime())
	if len(n.samples) > 0 && at <= n.samples[len(n.samples)-1].at {
		n.samples = slices.DeleteFunc(n.samples, func(s sample) bool { return s.at >= at })
	}
	if len(n.samples) == keptSamples {
		n.samples = slices.Delete(n.samples, 0, 1)
	}
	n.samples = append(n.samples, sample{at, n.PosHpr})
}
