//go:build race && unix

package main

// The program looks for races, too, when its tests do.
func init() { buildFlags = append(buildFlags, "-race") }
