//go:build !js && !wasip1

package queuednet

// errNoSockets is why the system's own sockets cannot be opened; nil where
// they can.
var errNoSockets error
