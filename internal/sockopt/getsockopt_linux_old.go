//go:build linux && (386 || s390x)

package sockopt

// The number since Linux 4.3; package syscall knows the older way only.
const sysGetsockopt = 365
