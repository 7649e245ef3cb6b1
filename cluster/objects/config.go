package objects

import (
	"fmt"

	"github.com/queuednet/queuednet/cluster"
)

// Config holds the settings of [Processes]. A nil Config and the zero value of each field
// mean the default in its comment. IDRange and MaxNodes must be the same on all nodes: nodes that
// differ in one of them do not hear each other, which the repository's Logger is told.
type Config struct {
	// IDRange is how many object ids each client may use, as ServerConfig.IDRange. A node has
	// room for 2³² / IDRange / MaxNodes clients at a time: 6,710 with both defaults, and 67
	// with Panda3D's range of 1,000,000. Default: 10,000.
	IDRange uint32

	// MaxNodes is one more than the highest number of a node. Each number has an equal part of
	// all ids. Default: 64.
	MaxNodes int

	// Message is given messages that other nodes sent to groups and addresses of the program's
	// own, because the repository drains the node. It is called inside Update. Default: they
	// are dropped.
	Message func(*cluster.Message)

	// Event is told what has happened in the cluster, after the repository was. It is called
	// inside Update. Default: nobody is told.
	Event func(cluster.Event)
}

const (
	defaultIDRange  = 10_000
	defaultMaxNodes = 64
)

func (c *Config) withDefaults(number uint16) (Config, error) {
	var config Config
	if c != nil {
		config = *c
	}
	if config.IDRange == 0 {
		config.IDRange = defaultIDRange
	}
	if config.MaxNodes == 0 {
		config.MaxNodes = defaultMaxNodes
	}
	switch ranges := (1<<32 - 1) / uint64(config.IDRange); {
	case config.IDRange < 2:
		return config, fmt.Errorf("objects: IDRange cannot be %d", config.IDRange)
	case config.MaxNodes < 1 || uint64(config.MaxNodes) > ranges:
		return config, fmt.Errorf("objects: MaxNodes cannot be %d: there are %d ranges of %d ids", config.MaxNodes, ranges, config.IDRange)
	case int(number) >= config.MaxNodes:
		return config, fmt.Errorf("objects: the number of the node is %d, and MaxNodes is %d", number, config.MaxNodes)
	}
	return config, nil
}
