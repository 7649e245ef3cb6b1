package queuednet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// ListenerFile returns a file of the listening socket of a rendezvous, for a process
// that is to take over from this one: give it to a child in ExtraFiles of an exec.Cmd,
// or make a listener of it with net.FileListener, which AdoptRendezvous takes. Clients
// that wait in the system stay there, and either process accepts them. The program
// closes the file; the rendezvous is not affected.
//
// To restart without losing a client: hand the file over; when the other process
// accepts, call RemoveConnection of the listener, take the connections that are queued
// in it, and close the rendezvous. Closing the rendezvous does not remove the path of a
// Unix socket any more. From the first call on, a goroutine of the rendezvous accepts.
//
// It fails with an error that is errors.ErrUnsupported on Windows and in a browser, for
// a stream, and for an adopted listener that is not of package net, such as one of
// crypto/tls (ask the listener below). After the end it fails with net.ErrClosed.
// Panda3D has no counterpart.
func (c *Connection) ListenerFile() (*os.File, error) {
	const name = "ListenerFile"
	if c == nil || c.listening == nil {
		return nil, fmt.Errorf("queuednet: %s: %w", name, errors.ErrUnsupported)
	}
	if err := c.listening.leaveEngine(); err != nil {
		return nil, wrapOption(name, err)
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
