//go:build linux && !386 && !s390x

package queuednet

import "syscall"

const sysGetsockopt = syscall.SYS_GETSOCKOPT
