//go:build !unix

package matrix

import (
	"errors"
	"os"
	"time"
)

func hold(*os.Process, time.Duration) error { return errors.ErrUnsupported }
