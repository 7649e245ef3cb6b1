// Package task runs functions once a frame, each at its place in the frame. It
// is as much of Panda3D's taskMgr as the examples need, so that they can follow
// the manual; a game has a loop of its own already.
package task

import (
	"context"
	"runtime/trace"
	"slices"
	"time"
)

// A Result is what a task answers each time that it has run.
type Result int

const (
	// Cont runs the task again in the next frame. It is Panda3D's Task.cont.
	Cont Result = iota

	// Done ends the loop, and the frame with it. Panda3D's Task.done ends just
	// the one task, which the examples have no use for.
	Done
)

// A Manager runs tasks. The zero value has none. Its methods are for one
// goroutine, the one that the tasks run on; a task may call Add.
type Manager struct {
	tasks []task // in the order of a frame; never changed in place, a frame may be walking it
}

type task struct {
	run  func() Result
	name string
	sort int
}

// Add makes run a part of every frame from the next one on: after the tasks of a
// lower sort, and after those of the same sort that were added before. The name
// is what the execution tracer calls it. It is Panda3D's taskMgr.add.
func (m *Manager) Add(run func() Result, name string, sort int) {
	behind := slices.IndexFunc(m.tasks, func(t task) bool { return t.sort > sort })
	if behind < 0 {
		behind = len(m.tasks)
	}
	m.tasks = slices.Insert(slices.Clone(m.tasks), behind, task{run, name, sort})
}

// Step runs one frame. It reports false when a task has said Done. It is
// Panda3D's taskMgr.step.
func (m *Manager) Step(ctx context.Context) bool {
	for _, t := range m.tasks {
		result := Cont
		trace.WithRegion(ctx, t.name, func() { result = t.run() })
		if result == Done {
			return false
		}
	}
	return true
}

// Run runs rate frames a second until ctx is done or a task says Done. A frame
// that takes too long delays the next one; what was missed is not made up for.
// It is Panda3D's taskMgr.run.
func (m *Manager) Run(ctx context.Context, rate int) {
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for ctx.Err() == nil && m.Step(ctx) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}
