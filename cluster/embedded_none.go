//go:build queuednet_noserver

package cluster

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// embedded is left out of this program, which is 11 MB shorter so.
type embedded struct{}

func startEmbedded(*Config, uint64) (*embedded, error) {
	return nil, fmt.Errorf("cluster: built with queuednet_noserver, Config.Listen: %w", errors.ErrUnsupported)
}

func (*embedded) client(*carrier) []nats.Option { return nil }
func (*embedded) address() string               { return "" }
func (*embedded) stop()                         {}
