// Package testmode holds what tests of the library choose about its inside. No
// program can, and nothing sets it but a TestMain.
package testmode

// Goroutines makes a goroutine carry every stream by the methods of its net.Conn,
// also a plain TCP socket, which the library otherwise reads and writes through the
// system's poller. It must be set before the first manager is made.
var Goroutines bool
