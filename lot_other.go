//go:build !linux

package queuednet

import "time"

// Elsewhere each connection keeps its goroutine.

type lot struct{ after time.Duration }

func (*lot) close() {}

func (c *Connection) setAside() bool { return false }

func (c *Connection) returned() {}

func (c *Connection) awaken() {}

func (c *Connection) outlives() bool { return false }
