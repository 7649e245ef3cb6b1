package queuednet

import "slices"

// Who counts what is queued: not the loop, which would wait for the memory of
// each connection whose datagrams it takes. It only publishes how many batches
// of a queue it has drained, in receiveQueue.drained. Each connection keeps its
// own books: in which batches it has put how much. It looks up there how much
// is left before it queues more. If it must wait for that, or to report its
// end, it leaves its name with the queue, to be called when one of its batches
// has been drained.

// A holding is what a connection has put into one batch of a queue.
type holding struct {
	queue *receiveQueue
	batch uint64 // its number
	cost  int64  // what it takes of the connection's MaxReceiveQueue
}

// hold notes what was put into a batch. in.mu is held.
func (in *inbound) hold(q *receiveQueue, batch uint64, cost int64) {
	n := len(in.holdings)
	if n == 0 || in.holdings[n-1].queue != q || in.holdings[n-1].batch != batch {
		in.holdings = append(in.holdings, holding{q, batch, cost})
		return
	}
	last := &in.holdings[n-1]
	if q.recent {
		last.cost = 0 // it has just been replaced
	}
	last.cost += cost
}

// queued returns the cost of what the loop has not drained. in.mu is held.
func (in *inbound) queued() (cost int64) {
	in.holdings = slices.DeleteFunc(in.holdings, func(h holding) bool {
		return h.queue.drained.Load() >= h.batch
	})
	for _, h := range in.holdings {
		cost += h.cost
	}
	return cost
}

// await has c called when its oldest batch has been drained, and reports false
// where there is none to wait for. in.mu is held.
func (in *inbound) await(c *Connection) bool {
	for in.queued() > 0 {
		oldest := holding{queue: in.holdings[0].queue, batch: in.holdings[0].batch}
		if oldest == in.awaited || oldest.queue.await(oldest.batch, c) {
			in.awaited = oldest
			return true
		}
	}
	return false
}

// drained is called by the loop when a batch that c awaited is.
func (c *Connection) drained() {
	c.in.mu.Lock()
	c.in.awaited = holding{}
	c.in.changed.Signal()
	over := c.in.state == inEnded
	c.in.mu.Unlock()
	if over {
		c.reportIfTaken()
	}
}

// await has c called when a batch has been drained, unless it is already.
func (q *receiveQueue) await(batch uint64, c *Connection) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waits.Add(1) // before the look at drained, which the loop sets before it looks at waits
	if q.drained.Load() >= batch {
		q.waits.Add(-1)
		return false
	}
	if q.waiting == nil {
		q.waiting = make(map[uint64][]*Connection)
	}
	q.waiting[batch] = append(q.waiting[batch], c)
	return true
}

// drain is called by the loop when it is done with a batch, which is the one
// after those that were drained before.
func (q *receiveQueue) drain(batch uint64) {
	q.drained.Store(batch)
	if q.waits.Load() == 0 {
		return
	}
	q.mu.Lock()
	waiting := q.waiting[batch]
	delete(q.waiting, batch)
	q.waits.Add(-int32(len(waiting)))
	q.mu.Unlock()
	for _, c := range waiting {
		c.drained()
	}
}
