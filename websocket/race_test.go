//go:build race

package websocket

func init() { raceDetector = true } // with which a sync.Pool forgets some
