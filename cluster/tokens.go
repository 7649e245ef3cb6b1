package cluster

import "sync"

// tokens finds the groups that the program has, for the receiver.
type tokens struct {
	mu      sync.RWMutex
	byToken map[string]*Group
	byHash  map[uint64]*Group
}

func (t *tokens) init() {
	t.byToken = make(map[string]*Group)
	t.byHash = make(map[uint64]*Group)
}

func (t *tokens) add(g *Group) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byToken[g.token] = g
	t.byHash[g.subject.hash] = g
}

func (t *tokens) group(token string) *Group {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byToken[token]
}

func (t *tokens) hashed(hash uint64) *Group {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byHash[hash]
}
