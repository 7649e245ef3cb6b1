package task

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// record returns a task that writes its name down.
func record(into *[]string, name string, result Result) func() Result {
	return func() Result {
		*into = append(*into, name)
		return result
	}
}

func TestTasksRunBySort(t *testing.T) {
	var (
		tasks Manager
		got   []string
	)
	for _, task := range []struct {
		name string
		sort int
	}{{"listener", -39}, {"world", 0}, {"reader", -40}, {"world again", 0}, {"draw", 50}, {"listener again", -39}} {
		tasks.Add(record(&got, task.name, Cont), task.name, task.sort)
	}
	want := []string{"reader", "listener", "listener again", "world", "world again", "draw"}
	for range 2 {
		got = nil
		if !tasks.Step(t.Context()) || !slices.Equal(got, want) {
			t.Fatalf("a frame ran %q, not %q", got, want)
		}
	}
}

func TestDoneEndsTheFrame(t *testing.T) {
	var (
		tasks Manager
		got   []string
	)
	tasks.Add(record(&got, "last", Done), "last", 2)
	tasks.Add(record(&got, "never", Cont), "never", 3)
	tasks.Add(record(&got, "first", Cont), "first", 1)
	if tasks.Step(t.Context()) || !slices.Equal(got, []string{"first", "last"}) {
		t.Fatalf("ran %q", got)
	}
}

func TestTaskAddedByATaskRunsInTheNextFrame(t *testing.T) {
	var (
		tasks Manager
		got   []string
		once  bool
	)
	tasks.Add(func() Result {
		if !once {
			once = true
			tasks.Add(record(&got, "added", Cont), "added", -1)
			tasks.Add(record(&got, "added", Cont), "added", 1)
		}
		got = append(got, "adds")
		return Cont
	}, "adds", 0)
	tasks.Add(record(&got, "behind", Cont), "behind", 2)
	for _, want := range [][]string{{"adds", "behind"}, {"added", "adds", "added", "behind"}} {
		got = nil
		if !tasks.Step(t.Context()) || !slices.Equal(got, want) {
			t.Fatalf("a frame ran %q, not %q", got, want)
		}
	}
}

func TestRunKeepsTheFrameRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		var tasks Manager
		frames := 0
		tasks.Add(func() Result { frames++; return Cont }, "count", 0)
		tasks.Run(ctx, 60)
		if frames != 601 { // the first is at 0 s
			t.Errorf("%d frames in 10 s", frames)
		}
	})
}

func TestRunDoesNotMakeUpForSlowFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second-time.Millisecond)
		defer cancel()
		var tasks Manager
		frames := 0
		tasks.Add(func() Result {
			if frames++; frames == 1 {
				time.Sleep(time.Second)
			}
			return Cont
		}, "slow at first", 0)
		tasks.Run(ctx, 10)
		if frames != 11 {
			t.Errorf("%d frames, of which the first took 1 s, in 2 s", frames)
		}
	})
}

func TestRunEnds(t *testing.T) {
	var tasks Manager
	frames := 0
	tasks.Add(func() Result {
		if frames++; frames == 3 {
			return Done
		}
		return Cont
	}, "three times", 0)
	tasks.Run(t.Context(), 1000)
	if frames != 3 {
		t.Errorf("%d frames until Done", frames)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tasks.Run(ctx, 60)
	if frames != 3 {
		t.Error("ran although its context was done")
	}
}
