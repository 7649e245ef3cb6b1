//go:build js || wasip1

package queuednet

import (
	"errors"
	"fmt"
	"runtime"
)

// errNoSockets is why the system's own sockets cannot be opened. Package net
// would imitate a network instead, which ends within the program.
var errNoSockets = fmt.Errorf("queuednet: %s/%s has no TCP and UDP sockets: open a WebSocket and hand it to AdoptConnection: %w",
	runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
