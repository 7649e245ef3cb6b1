//go:build !unix

package poller

import "errors"

// Tries says that TryRead and TryWrite do not work here.
const Tries = false

// ErrAgain says that a read or write would have to wait.
var ErrAgain = errors.New("would block")

func TryRead(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func TryWrite(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func Connected(uintptr) bool { return false }
