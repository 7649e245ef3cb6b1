//go:build !linux

package poller

import "errors"

// ErrAgain says that a read or write would have to wait.
var ErrAgain = errors.New("would block")

// New fails: other systems have no poller yet.
func New() (Poller, error) { return nil, errors.ErrUnsupported }
