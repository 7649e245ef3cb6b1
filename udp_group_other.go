//go:build !unix && !windows

package queuednet

import (
	"errors"
	"net/netip"
)

func joinGroup(uintptr, netip.Addr, int) error { return errors.ErrUnsupported }
