package queuednet

import "syscall"

// errHostDown is the nearest that WASI has.
var errHostDown = syscall.EHOSTUNREACH
