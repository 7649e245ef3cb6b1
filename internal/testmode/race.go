//go:build race

package testmode

// Race says that the race detector is on, with which a sync.Pool forgets some of
// what it is given, so that allocations say nothing.
const Race = true
