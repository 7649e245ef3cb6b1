//go:build linux && !386 && !s390x

package sockopt

import "syscall"

const sysGetsockopt = syscall.SYS_GETSOCKOPT
