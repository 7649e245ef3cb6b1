package cluster

import "time"

// Holes of the mesh: nodes that another one hears, and this one does not. The heartbeat of a node
// answers those that it hears, so that everybody knows whom the others hear.

// A hole is a node that others hear.
type hole struct {
	since time.Duration // when that was noticed
	last  time.Duration // when another node has answered it
	told  bool
}

// holeAfter is how long others must hear a node that this one does not. They may be later to notice its death, and
// answer one that has left for a while.
func (c *Config) holeAfter() time.Duration { return c.DeadAfter + answerLeft + 2*c.Heartbeat }

// hears notes that another node hears one.
func (r *receiver) hears(number uint16, now time.Duration) {
	if p := r.n.peers.all[number]; number == r.n.config.Number || number == 0 || number > maxNumber || p != nil && p.alive() {
		delete(r.holes, number)
		return
	}
	h := r.holes[number]
	if h == nil || now-h.last > r.n.config.DeadAfter {
		h = &hole{since: now}
		r.holes[number] = h
	}
	h.last = now
	if !h.told && now-h.since > r.n.config.holeAfter() {
		h.told = true
		r.n.happened(Event{Kind: Unheard, Node: number})
	}
}
