//go:build !unix

package cluster

import "time"

func (p *process) stop() { p.t.Skip("no process can be stopped here") }

func (p *process) goOn() {}

// cpuTime is not known.
func cpuTime() time.Duration { return 0 }
