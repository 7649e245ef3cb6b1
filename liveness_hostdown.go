//go:build !wasip1

package queuednet

import "syscall"

var errHostDown = syscall.EHOSTDOWN
