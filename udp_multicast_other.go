//go:build !unix && !windows

package queuednet

import "errors"

func joinGroup(uintptr, NetAddress, groupInterface) error { return errors.ErrUnsupported }

func receiveJoinedOnly(uintptr) {}
