package queuednet

// Bounds in bytes, for each connection, slow its peer down. In this file are Panda3D's
// other bound, in datagrams, which drops, and the numbers for a display.

// SetMaxQueueSize bounds the number of datagrams that are queued in the reader. What
// arrives beyond the bound is dropped, also over TCP, and OverflowFlag tells. A
// negative number, the default, is no bound: then a slow program slows its TCP peers
// instead, and loses nothing. The datagrams that a running drain has taken do not
// count. Lowering the bound drops nothing that is queued. It is Panda3D's
// set_max_queue_size.
func (r *QueuedConnectionReader) SetMaxQueueSize(datagrams int) { r.queue.setLimit(datagrams) }

// MaxQueueSize returns the bound that SetMaxQueueSize set; a negative one is none. It
// is Panda3D's get_max_queue_size.
func (r *QueuedConnectionReader) MaxQueueSize() int {
	r.queue.mu.Lock()
	defer r.queue.mu.Unlock()
	return r.queue.limit
}

// OverflowFlag reports whether a datagram has been dropped since the flag was last
// reset, because of SetMaxQueueSize or, for UDP, of MaxReceiveQueue. It is Panda3D's
// get_overflow_flag.
func (r *QueuedConnectionReader) OverflowFlag() bool { return r.queue.overflow.Load() }

// ResetOverflowFlag resets the flag of OverflowFlag. It is Panda3D's
// reset_overflow_flag.
func (r *QueuedConnectionReader) ResetOverflowFlag() { r.queue.overflow.Store(false) }

// CurrentQueueSize returns how many datagrams are queued. It counts them one by one, so
// use it for a display and not in the loop. It is Panda3D's get_current_queue_size.
func (r *QueuedConnectionReader) CurrentQueueSize() int {
	datagrams, _ := r.totals()
	return datagrams
}

// CurrentQueueBytes returns how many bytes the queued datagrams have, without headers.
// It counts one by one, like CurrentQueueSize. Panda3D has no counterpart.
func (r *QueuedConnectionReader) CurrentQueueBytes() int {
	_, bytes := r.totals()
	return bytes
}

// totals counts what is queued and what a drain has left.
func (r *QueuedConnectionReader) totals() (datagrams, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	datagrams, bytes = r.queue.totals()
	if r.state.Load() != drainLooping { // else the loop has it
		n, b := countFrames(r.taken[r.next:], r.span)
		datagrams, bytes = datagrams+n, bytes+b
	}
	return datagrams, bytes
}
