package cluster

import "time"

// How the receiver follows the counts of other nodes.

// counts takes the changes that a node tells. Where one is missing the whole table is
// asked for.
func (r *receiver) counts(p *peer, h header, body []byte) {
	if checkCounts(body) != nil {
		r.invalid()
		return
	}
	if !p.known || h.sequence != p.counts+1 {
		p.known = p.known && h.sequence <= p.counts
		return
	}
	p.counts = h.sequence
	eachCount(body, func(token string, members uint32) { r.setCount(p, token, members) })
}

// table takes a part of all counts of a node.
func (r *receiver) table(p *peer, h header, body []byte) {
	if len(body) == 0 || checkCounts(body[1:]) != nil {
		r.invalid()
		return
	}
	if body[0]&tableFirst != 0 {
		r.forgetCounts(p)
		p.tableOpen, p.counts = true, h.sequence
	}
	if !p.tableOpen || p.counts != h.sequence {
		p.tableOpen = false
		return
	}
	eachCount(body[1:], func(token string, members uint32) { r.setCount(p, token, members) })
	if body[0]&tableLast != 0 {
		p.known, p.tableOpen = true, false
	}
}

// maxTokens bounds the groups in which one node may have members.
const maxTokens = 1 << 20

func (r *receiver) setCount(p *peer, token string, members uint32) {
	if members == 0 {
		delete(p.tokens, token)
	} else if _, ok := p.tokens[token]; ok || len(p.tokens) < maxTokens {
		p.tokens[token] = struct{}{}
	} else {
		r.invalid()
		return
	}
	if r.n.presence.set(token, p.Number, members) {
		r.countChanged(token)
	}
}

func (r *receiver) forgetCounts(p *peer) {
	p.known, p.tableOpen = false, false
	for token := range p.tokens {
		if r.n.presence.set(token, p.Number, 0) {
			r.countChanged(token)
		}
	}
	clear(p.tokens)
}

func (r *receiver) countChanged(token string) {
	if g := r.n.groups.group(token); g != nil {
		r.n.happened(Event{Kind: CountChanged, Group: g})
	}
}

// askCounts asks a node for its counts, where they are not known, once a heartbeat.
func (r *receiver) askCounts(p *peer, now time.Duration) {
	if p.known || !p.alive() || p.askedAt != 0 && now-p.askedAt < r.n.config.Heartbeat {
		return
	}
	p.askedAt = now
	r.n.out.control(&subject{name: r.n.subjects.node(p.Number)}, kindAsk, nil, false)
}
