//go:build !linux

package queuednet

import (
	"net/netip"
	"syscall"
)

const localSpace = 0

func askLocal(syscall.RawConn) bool { return false }

func localOf([]byte) (netip.Addr, int) { return netip.Addr{}, 0 }

func besideLocal([]byte, netip.Addr) []byte { return nil }
