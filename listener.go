package queuednet

import "iter"

// A QueuedConnectionListener accepts the connections that arrive at the rendezvous
// added to it, and queues them for the program's loop. Its methods may be called from
// any goroutine and never wait. A drain, which is a loop over NewConnections or over
// NewConnectionAvailable and GetNewConnection, takes what was queued when it began.
//
// An accepted connection is not read until it is added to a reader. It is Panda3D's
// QueuedConnectionListener; there are no threads to configure and no poll to call.
type QueuedConnectionListener struct {
	manager *QueuedConnectionManager
	queue   connectionQueue
}

// NewQueuedConnectionListener returns a listener for rendezvous of a manager.
func NewQueuedConnectionListener(manager *QueuedConnectionManager) *QueuedConnectionListener {
	l := &QueuedConnectionListener{manager: manager}
	l.queue.manager = manager
	return l
}

// Manager returns the manager of the listener, or nil if that is closed. It is
// Panda3D's get_manager.
func (l *QueuedConnectionListener) Manager() *QueuedConnectionManager {
	return l.manager.unlessClosed()
}

// AddConnection makes the listener accept the connections that arrive at a rendezvous.
// It fails with ErrForeignConnection, with ErrWrongKind for a stream, with
// ErrAlreadyAdded if this or another listener has the rendezvous, and with
// net.ErrClosed. It is Panda3D's add_connection.
func (l *QueuedConnectionListener) AddConnection(rendezvous *Connection) error {
	switch {
	case rendezvous == nil || rendezvous.manager != l.manager || l.manager == nil:
		return ErrForeignConnection
	case rendezvous.listening == nil:
		return ErrWrongKind
	}
	return rendezvous.listening.attach(l)
}

// RemoveConnection undoes AddConnection; it does not close the rendezvous. What is
// queued stays. Nothing is accepted or queued after the call has returned: clients that
// arrive later wait in the system, perhaps for another process (see
// [Connection.ListenerFile]). It returns false if the listener does not have the
// rendezvous.
//
// An accepted socket that does not know its address yet (see
// [QueuedConnectionManager.AdoptRendezvous]) is closed with a reset. An adopted
// listener may accept one more socket, which is closed in the same way, because its
// Accept cannot be interrupted; that does not happen with a *net.TCPListener or a
// *net.UnixListener, unless somebody who shares the socket makes it a blocking one. It is
// Panda3D's remove_connection.
func (l *QueuedConnectionListener) RemoveConnection(rendezvous *Connection) bool {
	return rendezvous != nil && rendezvous.listening != nil && rendezvous.listening.detach(l)
}

// NewConnectionAvailable reports whether GetNewConnection would find a connection. It
// costs an atomic load or two. At the end of a drain it reports false once, even if
// more have arrived meanwhile. It is Panda3D's new_connection_available.
func (l *QueuedConnectionListener) NewConnectionAvailable() bool { return l.queue.available() }

// GetNewConnection takes the oldest connection accepted, and returns false if there is
// none. Rendezvous and Address of the connection tell where it arrived, and from whom.
// It is Panda3D's get_new_connection.
func (l *QueuedConnectionListener) GetNewConnection() (*Connection, bool) {
	conn, ok := l.queue.get()
	if ok {
		acceptTaken(conn)
	}
	return conn, ok
}

// NewConnections drains the connections that had been accepted when the loop began.
// Panda3D has no counterpart.
func (l *QueuedConnectionListener) NewConnections() iter.Seq[*Connection] {
	return l.queue.all(acceptTaken)
}

// acceptTaken makes room at the rendezvous for another connection.
func acceptTaken(conn *Connection) bool {
	conn.rendezvous.listening.taken()
	return true
}
