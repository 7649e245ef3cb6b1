package sockopt

import "syscall"

// streamOptions are those that package net and SetAckTimeout set for a stream.
var streamOptions = [...]Option{
	{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, true},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, true},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, true},
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, true},
	{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, true},
	userTimeout,
}

// StreamOptions are the values of these options.
type StreamOptions [len(streamOptions)]int

// StreamOptionsOf reads those of a socket. One that cannot be read is 0.
func StreamOptionsOf(fd uintptr) (values StreamOptions) {
	for i, option := range streamOptions {
		values[i], _ = syscall.GetsockoptInt(int(fd), option.level, option.number)
	}
	return values
}

// Set sets those of a socket that differ from what it has.
func (values StreamOptions) Set(fd uintptr, has StreamOptions) {
	for i, option := range streamOptions {
		if values[i] != has[i] {
			_ = set(fd, option, values[i])
		}
	}
}
