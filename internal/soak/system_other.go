//go:build !linux

package main

import "time"

// What only Linux is asked for.

func descriptors() int                    { return -1 }
func resident() int64                     { return -1 }
func processorTime() time.Duration        { return 0 }
func systemDrops(port int) (uint64, bool) { return 0, false }
