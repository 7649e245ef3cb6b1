// Package attack attacks a server that is built on the library, and measures
// what that does to somebody else. It is all tests, for Linux:
//
//	go test ./internal/attack                                              # short form
//	go test ./internal/attack -run TestAttack -long -timeout 60m -v        # long form, with a table
//
// README.md says what is asserted and how, RESULTS.md has the figures.
package attack
