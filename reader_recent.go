package queuednet

// A RecentConnectionReader is a reader that keeps only the newest datagram: one that
// arrives takes the place of one that waits, whichever connection it came over. It
// suits telemetry, mostly over UDP. Everything else is as with QueuedConnectionReader.
// It is Panda3D's RecentConnectionReader, which loses the connection and the address.
type RecentConnectionReader struct{ QueuedConnectionReader }

// NewRecentConnectionReader returns a RecentConnectionReader for the connections of a
// manager. See [NewQueuedConnectionReader].
func NewRecentConnectionReader(manager *QueuedConnectionManager) *RecentConnectionReader {
	r := new(RecentConnectionReader)
	r.init(manager)
	r.queue.recent = true
	r.queue.copies.Store(true)
	return r
}
