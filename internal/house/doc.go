// Package house holds the rules of this repository's layout that a test can
// check. ARCHITECTURE.md says what they are for.
package house
