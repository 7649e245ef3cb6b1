// Package badnet has no code, only tests: queuednet between two network
// namespaces of Linux, over a network that delays, reorders and loses packets,
// has a narrow line, and can be cut. See README.md beside it.
package badnet
