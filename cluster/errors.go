package cluster

import (
	"errors"
	"fmt"
	"slices"
)

// What a call answers, why a node of the cluster is gone, and why this one has ended.
// Compare with errors.Is: they come wrapped in the details. A call on a node that has
// been closed answers with net.ErrClosed.
var (
	// ErrSendQueueFull is for what was not sent because Config.MaxSendQueue bytes wait
	// for NATS. Nothing ends. Members on this node have got it.
	ErrSendQueueFull = errors.New("cluster: send queue full")

	// ErrPublishRate is for what was not sent because it exceeds Config.MaxPublishRate.
	// Nothing ends. Members on this node have got it.
	ErrPublishRate = errors.New("cluster: more than MaxPublishRate")

	// ErrNoNode is for a message to a node that is not there: of which nothing has been
	// heard yet, that has left, or another incarnation of which is there.
	ErrNoNode = errors.New("cluster: no such node")

	// ErrNoHeartbeat is why a node is gone: nothing was heard from it for Config.DeadAfter.
	ErrNoHeartbeat = errors.New("cluster: no heartbeat")

	// ErrLeft is why a node is gone: it has called Leave or Close. A call that sends
	// answers with it after Leave.
	ErrLeft = errors.New("cluster: left")

	// ErrReplaced is why a node is gone: another incarnation with its number is there.
	ErrReplaced = errors.New("cluster: replaced by another incarnation")

	// ErrDuplicateNumber ends a node: an older one with its number is in the cluster.
	ErrDuplicateNumber = errors.New("cluster: another node has this number")

	// ErrCredentials ends a node: the NATS servers refuse it, or do not permit it to send to
	// or to hear a subject that it needs.
	ErrCredentials = errors.New("cluster: the servers refuse the credentials")

	// ErrServerVersion ends a node: the NATS servers are too old for it.
	ErrServerVersion = errors.New("cluster: the servers are too old")
)

// A BroadcastError says who does not get a broadcast. errors.Is finds the reasons of both.
type BroadcastError struct {
	Members error // what the writer says of members here; nil: all get it
	Nodes   error // why the other nodes do not get it: ErrSendQueueFull, ErrPublishRate, the node's end; nil: it is on its way
}

// Error names those who do not get it, and why.
func (e *BroadcastError) Error() string {
	switch {
	case e.Nodes == nil:
		return fmt.Sprintf("cluster: members here: %v", e.Members)
	case e.Members == nil:
		return fmt.Sprintf("cluster: other nodes: %v", e.Nodes)
	}
	return fmt.Sprintf("cluster: other nodes: %v; members here: %v", e.Nodes, e.Members)
}

// Unwrap returns the reasons.
func (e *BroadcastError) Unwrap() []error {
	return slices.DeleteFunc([]error{e.Nodes, e.Members}, func(err error) bool { return err == nil })
}

// A ConfigError names the field of Config whose value is impossible.
type ConfigError struct {
	Field  string
	Value  any
	Reason string // empty where the value speaks for itself
}

// Error names the field, its value and, where there is one, the reason.
func (e *ConfigError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("cluster: Config.%s cannot be %v: %s", e.Field, e.Value, e.Reason)
	}
	return fmt.Sprintf("cluster: Config.%s cannot be %v", e.Field, e.Value)
}
