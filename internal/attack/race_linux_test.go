//go:build race

package attack

func init() { race = true }
