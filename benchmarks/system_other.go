//go:build !unix

package main

import "time"

// What this system does not tell.
func cpuTime() time.Duration { return 0 }
func resident() int          { return 0 }
func raiseFileLimit()        {}
