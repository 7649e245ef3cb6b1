package queuednet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// ListenerFile returns a file of the same listening socket as a rendezvous has,
// for the program that is to take over from this one: give it to a child in
// ExtraFiles of an exec.Cmd, or make a listener of it with net.FileListener, which
// AdoptRendezvous takes. Who is waiting in the system stays there, and is accepted
// by either. The program closes the file; the rendezvous is not affected.
//
// To restart without losing a client: hand the file over; when the other one
// accepts, call RemoveConnection of the listener, take what is queued in it, and
// close the rendezvous. The path of a Unix socket is not removed any more when
// the rendezvous is closed.
//
// It fails with an error that is errors.ErrUnsupported on Windows and in a
// browser, for an adopted listener that is not one of package net, such as one
// of crypto/tls (ask the one below), and for a stream; after the end with
// net.ErrClosed. Panda3D has no counterpart.
func (c *Connection) ListenerFile() (*os.File, error) {
	const name = "ListenerFile"
	if c == nil || c.listening == nil {
		return nil, fmt.Errorf("queuednet: %s: %w", name, errors.ErrUnsupported)
	}
	socket, ok := c.listening.socket.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("queuednet: %s: %w", name, errors.ErrUnsupported)
	}
	file, err := sockopt.Duplicate(socket, "listener of "+c.localAddress.String())
	if err != nil {
		return nil, wrapOption(name, err)
	}
	if unix, ok := socket.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
	}
	return file, nil
}
